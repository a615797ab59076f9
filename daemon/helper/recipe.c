/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a reset through configuration space: save, write, wait, put back, verify.
 *
 * Such a reset goes round the kernel: it wipes BARs and COMMAND of every function, and an MSI-X table under
 * the feet of whoever uses it. So it is refused while the function has a driver, while another function has
 * a host driver (pci-stub, which guards the card meanwhile, is none), and while MSI-X is on. Nothing is put
 * back that config_registers() does not list.
 */

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "core/chip.h"
#include "core/config-space.h"
#include "gpuswitch/types.h"
#include "helper/config.h"
#include "helper/files.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

/* What hardware asks for is microseconds to tens of milliseconds. */
#define DELAY_MAX_USEC (5 * USEC_PER_SEC)

#define VENDOR_OFFSET 0x00U
#define DEVICE_OFFSET 0x02U
#define COMMAND_OFFSET 0x04U
#define CLASS_OFFSET 0x0bU /* its highest byte, the base class */

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

static int fail_bound(PciAddress address, const char *driver, HelperReply *reply) {
        return reply_fail(reply, -EBUSY, "%s is bound to %s: its configuration space is not ours to write",
                          ADDRESS_TEXT(address), driver);
}

/* A reset needs a function without any driver, and no host driver on any function beside it. */
static int refuse_reset(const Helper *helper, PciAddress address, HelperReply *reply) {
        char bound[DRIVER_NAME_SIZE];

        for (uint8_t i = 0; i < FUNCTIONS_MAX; i++) {
                PciAddress function = address;
                function.function = i;
                int r = bound_driver(helper, function, bound, reply);
                if (r == -ENODEV && i != address.function)
                        continue;
                if (r < 0)
                        return r;
                if (i == address.function ? !isempty(bound) : driver_is_host(bound))
                        return fail_bound(function, bound, reply);
        }
        reply->message[0] = '\0'; /* of the functions that are not there */
        return 0;
}

static int refuse_host_driver(const Helper *helper, PciAddress address, HelperReply *reply) {
        char bound[DRIVER_NAME_SIZE];
        int r = bound_driver(helper, address, bound, reply);

        if (r < 0 || !driver_is_host(bound))
                return r;
        return fail_bound(address, bound, reply);
}

static int refuse_msix(const uint8_t *bytes, size_t size, PciAddress address, HelperReply *reply) {
        if (!config_msix_enabled(bytes, size))
                return 0;
        return reply_fail(reply, -EBUSY, "MSI-X of %s is enabled: a reset would wipe its vectors",
                          ADDRESS_TEXT(address));
}

int operation_save_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        SavedSpace *saved = &helper->saved[request->address.function];
        ConfigRegister known[REGISTERS_MAX];
        SavedSpace found = { 0 };

        int r = config_read_whole(helper, request->address, found.bytes, &found.size, reply);
        if (r < 0)
                return r;
        r = refuse_msix(found.bytes, found.size, request->address, reply);
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

/* What a source knows of this very function, and nothing else. */
static int check_write(const HelperRequest *request, const uint8_t *bytes, HelperReply *reply) {
        uint16_t vendor = (uint16_t) config_value(bytes, VENDOR_OFFSET, 2);
        uint16_t device = (uint16_t) config_value(bytes, DEVICE_OFFSET, 2);

        if (bytes[CLASS_OFFSET] != PCI_BASE_CLASS_DISPLAY)
                return refuse(reply, RULE_WRITE_FUNCTION, "%s is no display function",
                              ADDRESS_TEXT(request->address));
        if (!reset_register_find(chip_generation(vendor, device), request->offset, request->mask, request->value))
                return refuse(reply, RULE_WRITE_REGISTER,
                              "0x%08x at offset 0x%x is not known to be part of a reset of a card %04x:%04x",
                              request->value, request->offset, vendor, device);
        return 0;
}

int operation_write_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        uint8_t bytes[CONFIG_SPACE_SIZE];
        size_t size = 0;

        int r = refuse_reset(helper, request->address, reply);
        if (r < 0)
                return r;
        r = config_read_whole(helper, request->address, bytes, &size, reply);
        if (r < 0)
                return r;
        r = check_write(request, bytes, reply);
        if (r < 0)
                return r;
        r = refuse_msix(bytes, size, request->address, reply);
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

int operation_delay(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        struct timespec until;

        if (request->delay_usec > DELAY_MAX_USEC)
                return refuse(reply, RULE_DELAY, "a delay of %ju us is longer than any hardware asks for",
                              (uintmax_t) request->delay_usec);
        if (clock_gettime(CLOCK_MONOTONIC, &until) < 0) {
                int r = -errno;
                return reply_fail(reply, r, "cannot read the clock: %s", strerror(-r));
        }
        uint64_t nsec = (uint64_t) until.tv_nsec + request->delay_usec % USEC_PER_SEC * 1000;
        until.tv_sec += (time_t) (request->delay_usec / USEC_PER_SEC + nsec / 1000000000);
        until.tv_nsec = (long) (nsec % 1000000000);
        int r;
        do
                r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        while (r == EINTR);
        return r == 0 ? 0 : reply_fail(reply, -r, "cannot wait: %s", strerror(r));
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

        int r = refuse_host_driver(helper, request->address, reply);
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

/* Appends what differs to the message; one that is full already says enough. Return: does it differ? */
static bool differs(const SavedSpace *saved, const uint8_t *bytes, size_t offset, size_t width,
                    const char *name, PciAddress address, HelperReply *reply) {
        uint32_t was = config_value(saved->bytes, offset, width), is = config_value(bytes, offset, width);

        if (was == is)
                return false;
        (void) text_append(reply->message, sizeof(reply->message), "%s%s of %s reads 0x%0*x, was 0x%0*x",
                           isempty(reply->message) ? "" : "; ", name, ADDRESS_TEXT(address), (int) width * 2,
                           is, (int) width * 2, was);
        return true;
}

int operation_verify_config(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        const SavedSpace *saved = saved_for(helper, request, reply);
        uint8_t bytes[CONFIG_SPACE_SIZE];
        size_t size = 0;
        bool bad = false;

        if (!saved)
                return -EINVAL;
        int r = config_read_whole(helper, request->address, bytes, &size, reply);
        if (r < 0)
                return r;
        if (size != saved->size)
                return reply_fail(reply, -EIO, "the configuration space of %s has %zu bytes, had %zu",
                                  ADDRESS_TEXT(request->address), size, saved->size);
        bad |= differs(saved, bytes, 0, 2, "vendor id", request->address, reply);
        bad |= differs(saved, bytes, 2, 2, "device id", request->address, reply);
        for (size_t i = 0; i < request->n_registers; i++) {
                const HelperRegister *reg = &request->registers[i];
                char name[32] = "COMMAND";
                if (reg->offset != COMMAND_OFFSET)
                        (void) text_format(name, sizeof(name), "register 0x%02x", reg->offset);
                bad |= differs(saved, bytes, reg->offset, reg->width, name, request->address, reply);
        }
        if (config_msix_enabled(bytes, size)) {
                (void) text_append(reply->message, sizeof(reply->message), "%sMSI-X of %s is enabled",
                                   bad ? "; " : "", ADDRESS_TEXT(request->address));
                bad = true;
        }
        return bad ? -EIO : 0;
}
