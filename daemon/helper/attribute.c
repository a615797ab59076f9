/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only attributes of a function that are ever written, each with the only values it is given. An override
 * is cleared by a newline: the kernel ignores an empty write and would leave it in place.
 */

#include <string.h>

#include "base/text.h"
#include "helper/driver.h"
#include "helper/files.h"
#include "helper/function-reset.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

static bool override_is_valid(const char *value) {
        return isempty(value) || driver_name_is_valid(value);
}

static bool d3cold_is_valid(const char *value) {
        return streq(value, "0") || streq(value, "1");
}

static bool power_is_valid(const char *value) {
        return streq(value, "on") || streq(value, "auto");
}

static const struct {
        const char *name;
        bool (*is_valid)(const char *value);
        Operation write; /* NULL: one write of the value is all */
} whitelist[] = {
        { "driver_override", override_is_valid, NULL },
        { "d3cold_allowed", d3cold_is_valid, NULL },
        { "power/control", power_is_valid, NULL },
        { "reset_method", reset_methods_are_valid, reset_methods_write },
};

int operation_write_attribute(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(whitelist); i++) {
                if (!streq(whitelist[i].name, request->attribute))
                        continue;
                if (!whitelist[i].is_valid(request->text))
                        return refuse(reply, RULE_VALUE, "'%s' is no value for %s", request->text,
                                      request->attribute);
                if (whitelist[i].write)
                        return whitelist[i].write(helper, request, reply);
                if (device_path(helper, request->address, request->attribute, path) < 0)
                        return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long",
                                          request->attribute);
                return file_write(path, isempty(request->text) ? "\n" : request->text, reply);
        }
        return refuse(reply, RULE_ATTRIBUTE, "'%s' is no attribute that may be written", request->attribute);
}
