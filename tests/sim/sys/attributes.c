/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What attributes show, and what writing to those means that call no driver (drivers/pci/pci-sysfs.c). */

#include "node.h"

#include <string.h>

static const char *power_state(const Function *function) {
        if (!function->driver)
                return "unknown";
        if (function->driver->kind == DRIVER_VFIO && function->runtime_power && !function->card->group_held)
                return "D3hot";
        return "D0";
}

/* As daemon/guard/gpuswitch-guard.c shows it, but for the order. */
static int render_guarded(char *buffer, size_t size) {
        int n = 0;

        for (unsigned i = 0; i < machine.n_cards; i++)
                if (machine.cards[i].guarded)
                        n += snprintf(buffer + n, size - (size_t) n, "%s\n", machine.cards[i].functions[0].name);
        return n;
}

ssize_t attribute_render(const Node *node, char *buffer, size_t size) {
        const Function *function = node->function;
        int n = 0;

        buffer[0] = '\0';
        switch (node->attribute) {
        case ATTRIBUTE_CONSTANT:
                n = snprintf(buffer, size, "%s", node->text);
                break;
        case ATTRIBUTE_OVERRIDE:
                n = snprintf(buffer, size, "%s\n", function->override_is_set ? function->override : "(null)");
                break;
        case ATTRIBUTE_POWER_CONTROL:
                n = snprintf(buffer, size, "%s\n", function->runtime_power ? "auto" : "on");
                break;
        case ATTRIBUTE_D3COLD:
                n = snprintf(buffer, size, "%d\n", function->d3cold_allowed);
                break;
        case ATTRIBUTE_POWER_STATE:
                n = snprintf(buffer, size, "%s\n", power_state(function));
                break;
        case ATTRIBUTE_RESET_METHOD:
                n = snprintf(buffer, size, "%s%s", function->reset_methods, function->reset_methods[0] ? "\n" : "");
                break;
        case ATTRIBUTE_AUTOPROBE:
                n = snprintf(buffer, size, "%d\n", machine.autoprobe);
                break;
        case ATTRIBUTE_SEQNUM:
                n = snprintf(buffer, size, "%llu\n", (unsigned long long) machine.uevent_sequence);
                break;
        case ATTRIBUTE_LOCKDOWN:
                n = snprintf(buffer, size, "%s\n",
                             machine.lockdown ? "none [integrity] confidentiality" : "[none] integrity confidentiality");
                break;
        case ATTRIBUTE_MEM_SLEEP:
                n = snprintf(buffer, size, "%s\n", machine.mem_sleep[0] ? machine.mem_sleep : "s2idle [deep]");
                break;
        case ATTRIBUTE_WAKE_ALARM:
                n = snprintf(buffer, size, "%s", machine.wake_alarm ? "1795261818\n" : "");
                break;
        case ATTRIBUTE_GUARDED:
                n = render_guarded(buffer, size);
                break;
        case ATTRIBUTE_GUARD:
        case ATTRIBUTE_GUARD_RELEASE:
        case ATTRIBUTE_CONFIG:
        case ATTRIBUTE_RESET:
        case ATTRIBUTE_REMOVE:
        case ATTRIBUTE_RESCAN:
        case ATTRIBUTE_BIND:
        case ATTRIBUTE_UNBIND:
        case ATTRIBUTE_PROBE:
        case ATTRIBUTE_GROUP:
        case ATTRIBUTE_LOG:
                return -EIO;
        }
        return n;
}

/* sysfs_streq() */
static bool is(const char *value, const char *word) {
        size_t n = strlen(word);

        return strncmp(value, word, n) == 0 && (value[n] == '\0' || (value[n] == '\n' && value[n + 1] == '\0'));
}

static int store_override(Function *function, const char *value) {
        size_t n = strcspn(value, "\n");

        function->override_is_set = n > 0;
        (void) snprintf(function->override, sizeof(function->override), "%.*s", (int) n, value);
        return 0;
}

/* kstrtoul(): digits, one newline. */
static int parse_number(const char *value, bool *ret_nonzero) {
        size_t n = strspn(value, "0123456789");

        if (n == 0 || (value[n] != '\0' && !(value[n] == '\n' && value[n + 1] == '\0')))
                return -EINVAL;
        *ret_nonzero = strspn(value, "0") < n;
        return 0;
}

/* The slot of any function. */
static int store_guard(const char *value, bool guard) {
        Function *function = function_find_any(value);

        if (!function || !function->card)
                return guard ? -ENODEV : 0;
        if (guard && !function->present)
                return -ENODEV;
        function->card->guarded = guard;
        return 0;
}

int attribute_store(Node *node, const char *value) {
        Function *function = node->function;
        bool one = false;
        int r = 0;

        switch (node->attribute) {
        case ATTRIBUTE_OVERRIDE:
                return store_override(function, value);
        case ATTRIBUTE_POWER_CONTROL:
                if (!is(value, "on") && !is(value, "auto"))
                        return -EINVAL;
                function->runtime_power = is(value, "auto");
                return 0;
        case ATTRIBUTE_D3COLD:
                r = parse_number(value, &one);
                if (r == 0)
                        function->d3cold_allowed = one;
                return r;
        case ATTRIBUTE_RESET:
                r = parse_number(value, &one);
                return r < 0 || !one ? -EINVAL : function_reset(function);
        case ATTRIBUTE_REMOVE:
                r = parse_number(value, &one);
                if (r == 0 && one)
                        function_remove(function);
                return r;
        case ATTRIBUTE_RESCAN:
                r = parse_number(value, &one);
                if (r == 0 && one)
                        machine_rescan();
                return r;
        case ATTRIBUTE_AUTOPROBE:
                machine.autoprobe = value[0] != '0';
                return 0;
        case ATTRIBUTE_RESET_METHOD:
                return reset_methods_set(function, value);
        case ATTRIBUTE_GUARD:
                return store_guard(value, true);
        case ATTRIBUTE_GUARD_RELEASE:
                return store_guard(value, false);
        case ATTRIBUTE_WAKE_ALARM:
                /* wakealarm_store() in drivers/rtc/sysfs.c */
                if (machine.wake_alarm && value[0] != '0')
                        return -EBUSY;
                machine.wake_alarm = value[0] == '+';
                return 0;
        case ATTRIBUTE_GUARDED:
        case ATTRIBUTE_CONSTANT:
        case ATTRIBUTE_MEM_SLEEP:
        case ATTRIBUTE_CONFIG:
        case ATTRIBUTE_POWER_STATE:
        case ATTRIBUTE_BIND:
        case ATTRIBUTE_UNBIND:
        case ATTRIBUTE_PROBE:
        case ATTRIBUTE_SEQNUM:
        case ATTRIBUTE_LOCKDOWN:
        case ATTRIBUTE_GROUP:
        case ATTRIBUTE_LOG:
                break;
        }
        return -EIO;
}
