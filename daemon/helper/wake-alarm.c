/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The alarm that ends a suspend of ours. `wakealarm` (drivers/rtc/sysfs.c) shows the alarm that is set, or nothing, and takes
 * "+N" for N seconds from now. Somebody else's alarm is not ours to move: whoever set it counts on it.
 */

#include <string.h>

#include "base/text.h"
#include "helper/files.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

int operation_wake_alarm(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE] = "", set[ATTRIBUTE_VALUE_SIZE] = "", value[16];

        if (request->value < WAKE_ALARM_MIN_SECONDS || request->value > WAKE_ALARM_MAX_SECONDS)
                return refuse(reply, RULE_ALARM, "%u seconds are not %u to %u", request->value, WAKE_ALARM_MIN_SECONDS,
                              WAKE_ALARM_MAX_SECONDS);
        int r = root_path(helper, "/sys/class/rtc/rtc0/wakealarm", path);
        if (r == 0)
                r = file_read(path, set, sizeof(set));
        if (r < 0)
                return reply_fail(reply, r, "cannot read the alarm of the clock, %s: %s", path, strerror(-r));
        if (!isempty(set))
                return reply_fail(reply, -EBUSY, "an alarm of the clock is set already, for %s seconds after 1970 (%s)", set,
                                  path);
        (void) text_format(value, sizeof(value), "+%u", request->value);
        return file_write(path, value, reply);
}
