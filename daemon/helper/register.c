/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers behind a BAR. Only those that core/chip.h lists for the chip whose ids the function shows are ever touched,
 * and of them only the bits that it lists are written; a register behind an index/data pair is reached by writing its
 * address to the index first. A register that reads all ones is no value: nobody answers.
 */

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/macros.h"
#include "clock/clock.h"
#include "core/chip.h"
#include "core/rule.h"
#include "helper/capabilities.h"
#include "helper/config.h"
#include "helper/delay.h"
#include "helper/idle.h"
#include "helper/mmio.h"
#include "helper/operations.h"
#include "helper/power.h"
#include "helper/protocol.h"
#include "helper/rules.h"

#define COMMAND_OFFSET 0x04U
#define COMMAND_MEMORY 0x2U
#define BAR_OFFSET 0x10U

#define ALL_ONES UINT32_MAX

/* Chips are ready after microseconds to milliseconds; there is nothing but asking again that would tell. */
#define PAUSE_FIRST_USEC ((usec_t) 10)
#define PAUSE_LAST_USEC USEC_PER_MSEC

typedef struct Register {
        const ChipRegister *chip;
        PciAddress address;
        Mmio mmio;
} Register;

static void register_close(Register *reg) {
        mmio_close(&reg->mmio);
}

#define _cleanup_register_ _cleanup_(register_close)

static uint32_t register_read(const Register *reg) {
        const RegisterPlace *place = &reg->chip->place;

        if (!place_is_indexed(place))
                return mmio_read(&reg->mmio, place->address);
        mmio_write(&reg->mmio, place->index_offset, place->address);
        return mmio_read(&reg->mmio, place->data_offset);
}

/* The value and who it is of, for people. */
static int fail_value(const Register *reg, int status, uint32_t value, const char *why, HelperReply *reply) {
        return reply_fail(reply, status, "register %s of %s reads 0x%08x%s%s", reg->chip->name,
                          ADDRESS_TEXT(reg->address), value, value == ALL_ONES ? ", which is all ones" : "", why);
}

/* -ENXIO for all ones. */
static int register_read_alive(const Register *reg, uint32_t *ret_value, HelperReply *reply) {
        *ret_value = register_read(reg);
        return *ret_value == ALL_ONES ? fail_value(reg, -ENXIO, ALL_ONES, ": it does not answer", reply) : 0;
}

static int register_find(const HelperPlace *place, const uint8_t *config, PciAddress address,
                         const ChipRegister **ret, HelperReply *reply) {
        uint16_t vendor = (uint16_t) config_value(config, 0, 2), device = (uint16_t) config_value(config, 2, 2);
        RegisterPlace wanted = {
                .bar = (uint8_t) place->bar,
                .index_offset = (uint16_t) place->index_offset,
                .data_offset = (uint16_t) place->data_offset,
                .address = place->address,
        };
        bool fits = wanted.bar == place->bar && wanted.index_offset == place->index_offset &&
                    wanted.data_offset == place->data_offset;

        *ret = fits ? chip_register_find(chip_generation(vendor, device), &wanted) : NULL;
        if (*ret)
                return 0;
        return refuse(reply, RULE_REGISTER,
                      "0x%x behind 0x%x/0x%x of BAR %u is no register of %s (%04x:%04x) that is known to be harmless",
                      place->address, place->index_offset, place->data_offset, place->bar, ADDRESS_TEXT(address),
                      vendor, device);
}

/* Does the function answer behind that BAR at all? */
static int check_decoding(const uint8_t *config, size_t size, PciAddress address, uint8_t bar, HelperReply *reply) {
        unsigned state = power_state(config, size);

        if (state != 0)
                return reply_fail(reply, -EIO, "%s is in power state D%u: its registers do not answer",
                                  ADDRESS_TEXT(address), state);
        if (!(config_value(config, COMMAND_OFFSET, 2) & COMMAND_MEMORY))
                return reply_fail(reply, -EIO,
                                  "memory decoding of %s is off in COMMAND: the recipe has to switch it on before it "
                                  "asks for registers",
                                  ADDRESS_TEXT(address));
        if (config_value(config, BAR_OFFSET + 4U * bar, 4) == 0)
                return reply_fail(reply, -EIO, "BAR %u of %s has no address: the recipe has to restore it first", bar,
                                  ADDRESS_TEXT(address));
        return 0;
}

static int register_open(const Helper *helper, Register *reg, const uint8_t *config, size_t size, HelperReply *reply) {
        const RegisterPlace *place = &reg->chip->place;
        size_t last = place_is_indexed(place) ? MAX_OF(place->index_offset, place->data_offset) : place->address;

        int r = check_decoding(config, size, reg->address, place->bar, reply);
        return r < 0 ? r : mmio_open(helper, reg->address, place->bar, last + 4, &reg->mmio, reply);
}

static bool is_one_bit(uint32_t mask) {
        return mask != 0 && (mask & (mask - 1)) == 0;
}

static int check_bits(const HelperRequest *request, const ChipRegister *chip, uint32_t allowed, HelperReply *reply) {
        if (request->mask != 0 && (request->mask & ~allowed) == 0 && (request->value & ~request->mask) == 0)
                return 0;
        return refuse(reply, RULE_REGISTER_BITS, "0x%x under the mask 0x%x: of register %s only the bits 0x%x are %s",
                      request->value, request->mask, chip->name, allowed, allowed == ALL_ONES ? "there" : "written");
}

static int check_test(const HelperRequest *request, const ChipRegister *chip, HelperReply *reply) {
        if (request->test >= _REGISTER_TEST_MAX)
                return refuse(reply, RULE_TEST, "there is no test with number %u", request->test);
        if (request->verb == HELPER_POLL_REGISTER && request->timeout_usec > RESET_TIMEOUT_USEC)
                return refuse(reply, RULE_WAIT, "a wait of %ju us is longer than any reset takes",
                              (uintmax_t) request->timeout_usec);
        return check_bits(request, chip, ALL_ONES, reply);
}

static int check_differ(const HelperRequest *request, const ChipRegister *chip, HelperReply *reply) {
        if (!is_one_bit(request->mask) || !is_one_bit(request->other_mask))
                return refuse(reply, RULE_REGISTER_BITS, "0x%x and 0x%x are not one bit each", request->mask,
                              request->other_mask);
        return check_bits(request, chip, chip->writable, reply);
}

static int check_request(const HelperRequest *request, const ChipRegister *chip, HelperReply *reply) {
        if (request->verb == HELPER_WRITE_REGISTER)
                return check_bits(request, chip, chip->writable, reply);
        if (request->verb == HELPER_DIFFER_REGISTER)
                return check_differ(request, chip, reply);
        return check_test(request, chip, reply);
}

/*
 * All that has to be true before a register is touched; then the register that the request is about, and for
 * DIFFER_REGISTER the other one. What comes after needs no capability.
 */
static int prepare(const Helper *helper, const HelperRequest *request, Register *ret, Register *ret_other,
                   HelperReply *reply) {
        const ChipRegister *chip = NULL, *other = NULL;
        uint8_t config[CONFIG_SPACE_SIZE];
        size_t size = 0;

        int r = idle_check(helper, request->address, config, &size, reply);
        if (r < 0)
                return r;
        r = register_find(&request->place, config, request->address, &chip, reply);
        if (r == 0 && ret_other)
                r = register_find(&request->other, config, request->address, &other, reply);
        if (r == 0)
                r = check_request(request, chip, reply);
        if (r < 0)
                return r;
        assert(chip && (other || !ret_other));
        *ret = (Register){ .chip = chip, .address = request->address };
        if (ret_other)
                *ret_other = (Register){ .chip = other, .address = request->address };
        r = capabilities_use(0);
        if (r < 0)
                return reply_fail(reply, r, "cannot give capabilities up: %s", strerror(-r));
        r = register_open(helper, ret, config, size, reply);
        if (r == 0 && ret_other)
                r = register_open(helper, ret_other, config, size, reply);
        return r;
}

static bool passes(const HelperRequest *request, uint32_t value) {
        uint32_t bits = value & request->mask;

        if (request->test == REGISTER_EQUALS)
                return bits == request->value;
        return request->test == REGISTER_DIFFERS ? bits != request->value : bits >= request->value;
}

/* ": under the mask 0x1 it is not 0x0" */
static int fail_test(const HelperRequest *request, const Register *reg, int status, uint32_t value,
                     HelperReply *reply) {
        static const char *const words[_REGISTER_TEST_MAX] = {
                [REGISTER_EQUALS] = "not",
                [REGISTER_DIFFERS] = "nothing but",
                [REGISTER_AT_LEAST] = "below",
        };
        char why[96];

        (void) snprintf(why, sizeof(why), ": under the mask 0x%x it is %s 0x%x", request->mask, words[request->test],
                        request->value);
        return fail_value(reg, status, value, why, reply);
}

int operation_check_register(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        _cleanup_register_ Register reg = { 0 };
        uint32_t value = 0;

        int r = prepare(helper, request, &reg, NULL, reply);
        if (r == 0)
                r = register_read_alive(&reg, &value, reply);
        if (r < 0 || passes(request, value))
                return r;
        return fail_test(request, &reg, HELPER_NOT_APPLICABLE, value, reply);
}

/* A chip that is being reset reads all ones for a while: that passes no test and ends no wait. */
int operation_poll_register(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        _cleanup_register_ Register reg = { 0 };
        usec_t pause = PAUSE_FIRST_USEC;

        int r = prepare(helper, request, &reg, NULL, reply);
        usec_t begun = now_monotonic_usec();
        while (r == 0) {
                /* Before the look: so there is one after the end of the time, however late we get there. */
                usec_t waited = now_monotonic_usec() - begun;
                uint32_t value = register_read(&reg);
                if (value != ALL_ONES && passes(request, value))
                        return 0;
                if (waited >= request->timeout_usec)
                        return value == ALL_ONES ? fail_value(&reg, -ETIMEDOUT, value, " to the end", reply)
                                                 : fail_test(request, &reg, -ETIMEDOUT, value, reply);
                if (peer_has_left(helper->socket))
                        return fail_value(&reg, -ECANCELED, value, ": the wait for it was given up", reply);
                r = delay(MIN_OF(pause, request->timeout_usec - waited), reply);
                pause = MIN_OF(pause * 2, PAUSE_LAST_USEC);
        }
        return r;
}

/* Bits @mask of @was are given @value. Reading it back is also what makes sure that the write has arrived. */
static int register_change(const Register *reg, uint32_t was, uint32_t mask, uint32_t value, HelperReply *reply) {
        const RegisterPlace *place = &reg->chip->place;
        uint32_t wanted = (was & ~mask) | value, is;

        if (place_is_indexed(place))
                mmio_write(&reg->mmio, place->index_offset, place->address);
        mmio_write(&reg->mmio, place_is_indexed(place) ? place->data_offset : place->address, wanted);
        int r = register_read_alive(reg, &is, reply);
        if (r < 0 || (is & mask) == value)
                return r;
        return reply_fail(reply, -EIO, "register %s of %s was given 0x%08x and reads 0x%08x, under the mask 0x%x 0x%x",
                          reg->chip->name, ADDRESS_TEXT(reg->address), wanted, is, mask, is & mask);
}

int operation_write_register(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        _cleanup_register_ Register reg = { 0 };
        uint32_t was = 0;

        int r = prepare(helper, request, &reg, NULL, reply);
        if (r == 0)
                r = register_read_alive(&reg, &was, reply);
        return r < 0 ? r : register_change(&reg, was, request->mask, request->value, reply);
}

int operation_differ_register(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        _cleanup_register_ Register reg = { 0 }, other = { 0 };
        uint32_t was = 0, fixed = 0;

        int r = prepare(helper, request, &reg, &other, reply);
        if (r == 0)
                r = register_read_alive(&other, &fixed, reply);
        if (r == 0)
                r = register_read_alive(&reg, &was, reply);
        if (r < 0)
                return r;
        bool is_set = was & request->mask, other_is_set = fixed & request->other_mask;
        if (is_set != other_is_set)
                return 0;
        return register_change(&reg, was, request->mask, is_set ? 0 : request->mask, reply);
}
