/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Into D3hot and back. A function does its internal reset on the way back to D0, unless it says that it does not
 * (No_Soft_Reset). The kernel believes it in D0 all the time, and does not interfere: it has no driver.
 */

#include "helper/power.h"

#include <fcntl.h>

#include "base/address.h"
#include "base/macros.h"
#include "core/config-space.h"
#include "helper/config.h"
#include "helper/delay.h"
#include "helper/idle.h"
#include "helper/operations.h"
#include "helper/protocol.h"

#define CAP_ID_POWER 0x01
#define HEADERS_SIZE 256U /* where capabilities are */

/* PCI Power Management 1.2, 3.2.4: the control and status register, PMCSR */
#define PMCSR_OFFSET 4U
#define PMCSR_STATE 0x0003U
#define PMCSR_NO_SOFT_RESET 0x0008U
#define PMCSR_STATUS 0x8000U /* PME_Status, which a one clears */
#define STATE_D0 0U
#define STATE_D3HOT 3U

/* PCI Power Management 1.2, 5.6.1: from D0 to D3hot and from D3hot to D0 */
#define TRANSITION_USEC (10 * USEC_PER_MSEC)

/* Return: its offset in configuration space, 0: the function has none. */
static size_t find_pmcsr(const uint8_t *config, size_t size) {
        uint16_t capability = config_find_capability(config, size, CAP_ID_POWER);

        return capability && capability + PMCSR_OFFSET < HEADERS_SIZE ? capability + PMCSR_OFFSET : 0;
}

unsigned power_state(const uint8_t *config, size_t size) {
        size_t pmcsr = find_pmcsr(config, size);

        return pmcsr ? config_value(config, pmcsr, 2) & PMCSR_STATE : STATE_D0;
}

static int set_state(int fd, PciAddress address, size_t pmcsr, uint32_t was, unsigned state, HelperReply *reply) {
        int r = config_write(fd, address, pmcsr, 2, (was & ~(PMCSR_STATE | PMCSR_STATUS)) | state, reply);

        return r < 0 ? r : delay(TRANSITION_USEC, reply);
}

int operation_d3hot(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        uint8_t config[CONFIG_SPACE_SIZE];
        size_t size = 0;

        int r = idle_check(helper, request->address, config, &size, reply);
        if (r < 0)
                return r;
        size_t pmcsr = find_pmcsr(config, size);
        if (!pmcsr)
                return reply_fail(reply, HELPER_NOT_APPLICABLE, "%s has no power management capability",
                                  ADDRESS_TEXT(request->address));
        uint32_t was = config_value(config, pmcsr, 2);
        if (was & PMCSR_NO_SOFT_RESET)
                return reply_fail(reply, HELPER_NOT_APPLICABLE,
                                  "%s says that the way back from D3hot does not reset it (No_Soft_Reset: 0x%04x at "
                                  "0x%zx)",
                                  ADDRESS_TEXT(request->address), was, pmcsr);
        _cleanup_close_ int fd = config_open(helper, request->address, O_WRONLY, reply);
        if (fd < 0)
                return fd;
        r = set_state(fd, request->address, pmcsr, was, STATE_D3HOT, reply);
        /* A card is not left asleep because a clock could not be read. */
        int back = set_state(fd, request->address, pmcsr, was, STATE_D0, reply);
        if (r < 0 || back < 0)
                return r < 0 ? r : back;
        r = config_read_whole(helper, request->address, config, &size, reply);
        if (r < 0 || power_state(config, size) == STATE_D0)
                return r;
        return reply_fail(reply, -EIO, "%s is still in power state D%u", ADDRESS_TEXT(request->address),
                          power_state(config, size));
}
