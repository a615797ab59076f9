/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reset of one function through its attribute `reset`. The kernel goes through the methods of `reset_method` until
 * one works, and a bus reset may be among them: so it has to hold the one method that is asked for and nothing else.
 * Kernels before 5.15 have no such attribute and do not say what they would do.
 */

#include "helper/function-reset.h"

#include <string.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "helper/capabilities.h"
#include "helper/files.h"
#include "helper/idle.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

/* pci_reset_fn_methods[], linux drivers/pci/pci.c */
static const struct {
        const char *name;
        bool is_of_bus; /* resets whoever else is on the bus */
} methods[] = {
        { "device_specific", false }, { "acpi", false }, { "flr", false },    { "af_flr", false },
        { "pm", false },              { "bus", true },   { "cxl_bus", true },
};

/* Which of the table the first @n bytes of @name are; its size for none. */
static size_t method_find(const char *name, size_t n) {
        size_t i = 0;

        while (i < ELEMENTSOF(methods) && (strlen(methods[i].name) != n || memcmp(methods[i].name, name, n) != 0))
                i++;
        return i;
}

/* Return: a bit for each of the table; 0 when it is no list. */
static unsigned methods_of(const char *list) {
        unsigned found = 0;

        for (;;) {
                size_t n = strcspn(list, " "), method = method_find(list, n);
                if (method == ELEMENTSOF(methods) || (found & 1U << method))
                        return 0;
                found |= 1U << method;
                if (list[n] == '\0')
                        return found;
                list += n + 1;
        }
}

static bool are_all_of_bus(const char *list) {
        unsigned found = methods_of(list);

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if ((found & 1U << i) && !methods[i].is_of_bus)
                        return false;
        return true;
}

bool reset_methods_are_valid(const char *list) {
        return methods_of(list) != 0;
}

static int read_methods(const char *path, char ret_list[static ATTRIBUTE_VALUE_SIZE], HelperReply *reply) {
        int r = file_read(path, ret_list, ATTRIBUTE_VALUE_SIZE);

        if (r == -ENOENT)
                return reply_fail(reply, -EOPNOTSUPP,
                                  "there is no %s: the kernel knows no reset of this function, or is older than 5.15 "
                                  "and does not say which; a bus reset could be what happens",
                                  path);
        return r < 0 ? reply_fail(reply, r, "cannot read %s: %s", path, strerror(-r)) : 0;
}

int reset_methods_write(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        size_t fellow = helper_fellow(helper, request->address);
        char *found = helper->reset_methods[fellow < FELLOWS_MAX ? FUNCTIONS_MAX + fellow : request->address.function];
        char path[PATH_TEXT_SIZE], now[ATTRIBUTE_VALUE_SIZE];

        if (device_path(helper, request->address, "reset_method", path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of reset_method is too long");
        int r = read_methods(path, now, reply);
        if (r < 0 || streq(now, request->text))
                return r;
        if (are_all_of_bus(request->text) && !streq(found, request->text))
                return refuse(reply, RULE_RESET_METHOD, "with '%s' alone every reset of %s is a bus reset",
                              request->text, ADDRESS_TEXT(request->address));
        if (isempty(found))
                (void) text_copy(found, ATTRIBUTE_VALUE_SIZE, now);
        r = file_write(path, request->text, reply);
        if (r == 0)
                r = read_methods(path, now, reply);
        if (r < 0 || streq(now, request->text))
                return r;
        return reply_fail(reply, -EIO, "'%s' was written to %s, and it reads '%s'", request->text, path, now);
}

int operation_function_reset(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        size_t method = method_find(request->text, strlen(request->text));
        char path[PATH_TEXT_SIZE], now[ATTRIBUTE_VALUE_SIZE];
        uint8_t config[CONFIG_SPACE_SIZE];
        size_t size = 0;

        if (method == ELEMENTSOF(methods) || methods[method].is_of_bus)
                return refuse(reply, RULE_RESET_METHOD, "'%s' is no reset of one function", request->text);
        int r = idle_check(helper, request->address, config, &size, reply);
        if (r < 0)
                return r;
        if (device_path(helper, request->address, "reset_method", path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of reset_method is too long");
        r = read_methods(path, now, reply);
        if (r < 0)
                return r;
        if (!streq(now, request->text))
                return reply_fail(reply, -EBUSY, "%s reads '%s', not only '%s': another reset could be what happens",
                                  path, now, request->text);
        r = capabilities_use(0); /* what follows is the kernel's */
        if (r < 0)
                return reply_fail(reply, r, "cannot give capabilities up: %s", strerror(-r));
        if (device_path(helper, request->address, "reset", path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of reset is too long");
        return file_write(path, "1", reply);
}
