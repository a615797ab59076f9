/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a reset in configuration space: save, write, put back, verify. Such a reset goes round the kernel
 * (idle.h). Nothing is put back that config_registers() does not list.
 */

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "core/chip.h"
#include "core/config-space.h"
#include "helper/config.h"
#include "helper/idle.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

#define VENDOR_OFFSET 0x00U
#define DEVICE_OFFSET 0x02U
#define COMMAND_OFFSET 0x04U
#define BAR_OFFSET 0x10U
#define CAP_ID_MSIX 0x11

/* Are the registers of @request some of @known, in the same order? The order is what keeps COMMAND last. */
static bool registers_are_among(const HelperRequest *request, const ConfigRegister *known, size_t n_known) {
        size_t k = 0;

        for (size_t i = 0; i < request->n_registers; i++, k++) {
                while (k < n_known && (known[k].offset != request->registers[i].offset ||
                                       known[k].width != request->registers[i].width))
                        k++;
                if (k == n_known)
                        return false;
        }
        return true;
}

int operation_save_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        SavedSpace *saved = &helper->saved[request->address.function];
        ConfigRegister known[REGISTERS_MAX];
        SavedSpace found = { 0 };

        int r = config_read_whole(helper, request->address, found.bytes, &found.size, reply);
        if (r < 0)
                return r;
        r = idle_check_msix(found.bytes, found.size, request->address, reply);
        if (r < 0)
                return r;
        size_t n_known = config_registers(found.bytes, found.size, known);
        if (request->n_registers == 0 || !registers_are_among(request, known, n_known))
                return refuse(reply, RULE_SAVE, "the registers to save are not those that a reset of %s wipes",
                              ADDRESS_TEXT(request->address));
        for (size_t i = 0, k = 0; i < request->n_registers; i++) {
                while (known[k].offset != request->registers[i].offset)
                        k++;
                found.registers[i] = known[k];
        }
        found.n_registers = request->n_registers;
        found.valid = true;
        *saved = found;
        return 0;
}

/* What a source knows of this very chip, and nothing else. */
static int check_write(const HelperRequest *request, const uint8_t *bytes, HelperReply *reply) {
        uint16_t vendor = (uint16_t) config_value(bytes, VENDOR_OFFSET, 2);
        uint16_t device = (uint16_t) config_value(bytes, DEVICE_OFFSET, 2);

        if (reset_register_find(chip_generation(vendor, device), request->offset, request->mask, request->value))
                return 0;
        return refuse(reply, RULE_WRITE_REGISTER,
                      "0x%08x under the mask 0x%08x at offset 0x%x is not known to be part of a reset of a card "
                      "%04x:%04x",
                      request->value, request->mask, request->offset, vendor, device);
}

int operation_write_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        uint8_t bytes[CONFIG_SPACE_SIZE];
        size_t size = 0;

        int r = idle_check(helper, request->address, bytes, &size, reply);
        if (r < 0)
                return r;
        r = check_write(request, bytes, reply);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = config_open(helper, request->address, O_WRONLY, reply);
        if (fd < 0)
                return fd;
        /* STATUS beside COMMAND is cleared by ones, so it is given zeros (PCI Local Bus 3.0, 6.2.3). */
        uint32_t was = config_value(bytes, request->offset, 4);
        if (request->offset == COMMAND_OFFSET)
                was &= 0xffff;
        return config_write(fd, request->address, request->offset, 4, (was & ~request->mask) | request->value, reply);
}

/* What was saved of this function; NULL, with a message, when there is nothing or something else is asked
 * for. */
static const SavedSpace *saved_for(const Helper *helper, const HelperRequest *request, HelperReply *reply) {
        const SavedSpace *saved = &helper->saved[request->address.function];

        if (!saved->valid) {
                (void) refuse(reply, RULE_SAVED, "the configuration space of %s has not been saved",
                              ADDRESS_TEXT(request->address));
                return NULL;
        }
        if (!registers_are_among(request, saved->registers, saved->n_registers)) {
                (void) refuse(reply, RULE_RESTORE, "the registers asked for are not those that were saved of %s",
                              ADDRESS_TEXT(request->address));
                return NULL;
        }
        return saved;
}

/*
 * What to write, into @ret_registers: as saved by this process; else (an undo, whose helper has saved
 * nothing) as the plan recorded it, if these are registers that a reset of the function wipes.
 */
static int values_to_restore(const Helper *helper, const HelperRequest *request,
                             ConfigRegister ret_registers[static REGISTERS_MAX], HelperReply *reply) {
        const SavedSpace *saved = &helper->saved[request->address.function];
        uint8_t bytes[CONFIG_SPACE_SIZE];
        ConfigRegister known[REGISTERS_MAX];
        size_t size = 0;

        int r = config_read_whole(helper, request->address, bytes, &size, reply);
        if (r < 0)
                return r;
        if (saved->valid && !saved_for(helper, request, reply))
                return -EINVAL;
        if (!saved->valid && !registers_are_among(request, known, config_registers(bytes, size, known)))
                return refuse(reply, RULE_RESTORE, "the registers to restore are not those that a reset of %s wipes",
                              ADDRESS_TEXT(request->address));
        for (size_t i = 0; i < request->n_registers; i++) {
                const HelperRegister *reg = &request->registers[i];
                ret_registers[i] = (ConfigRegister){
                        .offset = reg->offset,
                        .width = reg->width,
                        .value = saved->valid ? config_value(saved->bytes, reg->offset, reg->width)
                                              : reg->value,
                };
                if (config_starts_reset(bytes, size, &ret_registers[i]))
                        return refuse(reply, RULE_RESTORE_VALUE, "0x%x at offset 0x%x of %s would start a reset",
                                      ret_registers[i].value, reg->offset, ADDRESS_TEXT(request->address));
        }
        return 0;
}

int operation_restore_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        ConfigRegister registers[REGISTERS_MAX] = { 0 };

        int r = idle_check_host(helper, request->address, reply);
        if (r < 0)
                return r;
        r = values_to_restore(helper, request, registers, reply);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = config_open(helper, request->address, O_WRONLY, reply);
        if (fd < 0)
                return fd;
        for (size_t i = 0; i < request->n_registers; i++) {
                r = config_write(fd, request->address, registers[i].offset, registers[i].width,
                                 registers[i].value, reply);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One more thing that is wrong; a message that is full already says enough. */
static void complain(HelperReply *reply, const char *format, ...) _printf_(2, 3);
static void complain(HelperReply *reply, const char *format, ...) {
        char text[128];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) text_append(reply->message, sizeof(reply->message), "%s%s", isempty(reply->message) ? "" : "; ", text);
}

static const char *register_name(size_t offset, char buffer[static 32]) {
        if (offset == VENDOR_OFFSET)
                (void) text_format(buffer, 32, "vendor id");
        else if (offset == DEVICE_OFFSET)
                (void) text_format(buffer, 32, "device id");
        else if (offset == COMMAND_OFFSET)
                (void) text_format(buffer, 32, "COMMAND");
        else if (offset >= BAR_OFFSET && offset < BAR_OFFSET + 4 * BARS_MAX)
                (void) text_format(buffer, 32, "BAR %zu", (offset - BAR_OFFSET) / 4);
        else
                (void) text_format(buffer, 32, "register 0x%02zx", offset);
        return buffer;
}

static void compare(const SavedSpace *saved, const uint8_t *bytes, size_t offset, size_t width, PciAddress address,
                    HelperReply *reply) {
        uint32_t was = config_value(saved->bytes, offset, width), is = config_value(bytes, offset, width);
        char name[32];

        if (was != is)
                complain(reply, "%s of %s reads 0x%0*x, was 0x%0*x", register_name(offset, name),
                         ADDRESS_TEXT(address), (int) width * 2, is, (int) width * 2, was);
}

/* A capability that cannot be found any more is not off. */
static void check_msix(const SavedSpace *saved, const uint8_t *bytes, size_t size, PciAddress address,
                       HelperReply *reply) {
        uint16_t was = config_find_capability(saved->bytes, saved->size, CAP_ID_MSIX),
                 is = config_find_capability(bytes, size, CAP_ID_MSIX);

        if (was != is)
                complain(reply, "MSI-X of %s is at 0x%02x, was at 0x%02x", ADDRESS_TEXT(address), is, was);
        if (config_msix_enabled(bytes, size))
                complain(reply, "MSI-X of %s is enabled", ADDRESS_TEXT(address));
}

/* Ids, BARs and COMMAND always; of the rest what the plan lists. */
int operation_verify_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        const SavedSpace *saved = saved_for(helper, request, reply);
        uint8_t bytes[CONFIG_SPACE_SIZE];
        size_t size = 0;

        if (!saved)
                return -EINVAL;
        int r = config_read_whole(helper, request->address, bytes, &size, reply);
        if (r < 0)
                return r;
        if (size != saved->size)
                return reply_fail(reply, -EIO, "the configuration space of %s has %zu bytes, had %zu",
                                  ADDRESS_TEXT(request->address), size, saved->size);
        compare(saved, bytes, VENDOR_OFFSET, 2, request->address, reply);
        compare(saved, bytes, DEVICE_OFFSET, 2, request->address, reply);
        compare(saved, bytes, COMMAND_OFFSET, 2, request->address, reply);
        for (size_t i = 0; i < BARS_MAX; i++)
                compare(saved, bytes, BAR_OFFSET + 4 * i, 4, request->address, reply);
        for (size_t i = 0; i < request->n_registers; i++) {
                const HelperRegister *reg = &request->registers[i];
                bool done = reg->offset == COMMAND_OFFSET ||
                            (reg->offset >= BAR_OFFSET && reg->offset < BAR_OFFSET + 4 * BARS_MAX);
                if (!done)
                        compare(saved, bytes, reg->offset, reg->width, request->address, reply);
        }
        check_msix(saved, bytes, size, request->address, reply);
        return isempty(reply->message) ? 0 : -EIO;
}
