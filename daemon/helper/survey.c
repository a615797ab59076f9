/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything about a function that only a helper may read: on older kernels driver_override waits for the
 * device lock, and configuration space waits for resets and wakes the device. What the bytes mean is core's
 * business.
 */

#include <fcntl.h>
#include <string.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "helper/config.h"
#include "helper/files.h"
#include "helper/operations.h"
#include "helper/protocol.h"

/* An attribute that this kernel does not have is empty; any other failure is one. */
static int survey_attribute(const Helper *helper, PciAddress address, const char *name, char *buffer,
                            size_t size, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];
        int r = device_path(helper, address, name, path);

        if (r == 0)
                r = file_read(path, buffer, size);
        if (r == 0 || r == -ENOENT)
                return 0;
        return reply_fail(reply, r, "cannot read %s: %s", path, strerror(-r));
}

/* "[none] integrity confidentiality": the word in brackets is in force. */
static bool kernel_is_locked(const Helper *helper) {
        char path[PATH_TEXT_SIZE], text[ATTRIBUTE_VALUE_SIZE];

        if (root_path(helper, "/sys/kernel/security/lockdown", path) < 0 ||
            file_read(path, text, sizeof(text)) < 0)
                return false;
        return !strstr(text, "[none]");
}

int operation_survey(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        PciAddress address = request->address;
        char driver[DRIVER_NAME_SIZE];
        size_t size = 0;

        /* Tells a function that is gone from one that has no attributes. */
        int r = bound_driver(helper, address, driver, reply);
        if (r < 0)
                return r;
        r = survey_attribute(helper, address, "driver_override", reply->driver_override,
                             sizeof(reply->driver_override), reply);
        if (r < 0)
                return r;
        r = survey_attribute(helper, address, "power/control", reply->power_control,
                             sizeof(reply->power_control), reply);
        if (r < 0)
                return r;
        r = survey_attribute(helper, address, "d3cold_allowed", reply->d3cold_allowed,
                             sizeof(reply->d3cold_allowed), reply);
        if (r < 0)
                return r;

        r = survey_attribute(helper, address, "reset_method", reply->reset_method, sizeof(reply->reset_method), reply);
        if (r < 0)
                return r;

        _cleanup_close_ int fd = config_open(helper, address, O_RDONLY, reply);
        if (fd < 0)
                return fd;
        r = config_read(fd, address, reply->config, &size, reply);
        if (r < 0)
                return r;
        reply->config_size = (uint32_t) size;
        /* After the read, which may have woken it. */
        r = survey_attribute(helper, address, "power_state", reply->power_state, sizeof(reply->power_state),
                             reply);
        if (r < 0)
                return r;
        reply->config_locked = kernel_is_locked(helper);
        return 0;
}
