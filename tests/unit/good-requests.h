/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A request of each kind that is fine as it stands, about the card of fake-sys.h. */

#include "base/text.h"
#include "fake-sys.h"

static inline _unused_ HelperRequest attribute(void) {
        HelperRequest request = fake_request(HELPER_WRITE_ATTRIBUTE);

        (void) text_copy(request.attribute, sizeof(request.attribute), "power/control");
        (void) text_copy(request.text, sizeof(request.text), "on");
        return request;
}

static inline _unused_ HelperRequest driver(HelperVerb verb) {
        HelperRequest request = fake_request(verb);

        (void) text_copy(request.text, sizeof(request.text), "amdgpu");
        return request;
}

static inline _unused_ HelperRequest unbind_driver(void) {
        return driver(HELPER_UNBIND);
}

static inline _unused_ HelperRequest bind_driver(void) {
        return driver(HELPER_BIND);
}

static inline _unused_ HelperRequest group(void) {
        return fake_request(HELPER_GROUP_FREE);
}

static inline _unused_ HelperRequest delay(void) {
        return fake_request(HELPER_DELAY);
}

static inline _unused_ HelperRequest write_config(void) {
        HelperRequest request = fake_request(HELPER_WRITE_CONFIG);

        request.offset = 0x7c;
        request.mask = UINT32_MAX;
        request.value = 0x39d5e86b;
        return request;
}

/* The card becomes one with a CI chip: of a VI chip none may be written. */
static inline _unused_ HelperRequest about_register(HelperVerb verb) {
        HelperRequest request = fake_request(verb);
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_config(config);
        config[2] = 0xb0;
        fake_write_bytes("/sys/bus/pci/devices/0000:01:00.0/config", config, sizeof(config));
        request.place = (HelperPlace){ 5, 0x200, 0x204, 0xc0000010 };
        request.mask = request.value = 0x2;
        request.other = (HelperPlace){ 5, 0x200, 0x204, 0xc00c0000 };
        request.other_mask = 0x40;
        return request;
}

static inline _unused_ HelperRequest check_register(void) {
        return about_register(HELPER_CHECK_REGISTER);
}

static inline _unused_ HelperRequest poll_register(void) {
        return about_register(HELPER_POLL_REGISTER);
}

static inline _unused_ HelperRequest write_register(void) {
        return about_register(HELPER_WRITE_REGISTER);
}

static inline _unused_ HelperRequest differ_register(void) {
        return about_register(HELPER_DIFFER_REGISTER);
}

static inline _unused_ HelperRequest function_reset(void) {
        HelperRequest request = fake_request(HELPER_FUNCTION_RESET);

        (void) text_copy(request.text, sizeof(request.text), "flr");
        return request;
}

static inline _unused_ HelperRequest vendor_reset(void) {
        return fake_request(HELPER_VENDOR_RESET);
}

static inline _unused_ HelperRequest d3hot(void) {
        return fake_request(HELPER_D3HOT);
}

static inline _unused_ HelperRequest save(void) {
        return fake_request_with_registers(HELPER_SAVE_CONFIG);
}

static inline _unused_ HelperRequest restore(void) {
        return fake_request_with_registers(HELPER_RESTORE_CONFIG);
}

static inline _unused_ HelperRequest verify(void) {
        return fake_request_with_registers(HELPER_VERIFY_CONFIG);
}

static inline _unused_ HelperRequest guard(void) {
        return fake_request(HELPER_GUARD_SET);
}

static inline _unused_ HelperRequest unguard(void) {
        return fake_request(HELPER_GUARD_CLEAR);
}

static inline _unused_ HelperRequest read_port(void) {
        HelperRequest request = fake_request(HELPER_READ_PORT);

        fake_move_below_port();
        request.address = (PciAddress){ .slot = 1 };
        return request;
}

static inline _unused_ HelperRequest read_group(void) {
        return fake_request(HELPER_READ_GROUP);
}

static inline _unused_ HelperRequest alarm_of_clock(void) {
        HelperRequest request = fake_request(HELPER_WAKE_ALARM);

        fake_write("/sys/class/rtc/rtc0/wakealarm", "%s", "");
        request.value = 10;
        return request;
}
