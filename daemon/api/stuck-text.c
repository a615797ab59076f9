/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver waits for in there is known for some of them; that is said first. What is true of every hang comes last:
 * it may end by itself, nobody can end it, and the kernel takes the lock of each device when it powers off or reboots
 * (device_shutdown()), so that it waits for the same driver then. SysRq+O goes the same way; SysRq+B does not.
 */

#include "api/stuck-text.h"

#include <assert.h>
#include <time.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"

static void write_text(const Step *step, const char *what, char *buffer, size_t size) {
        char path[PATH_TEXT_SIZE];

        (void) text_format(buffer, size, "write %s to %s", what, step_path(step, path));
}

static void step_action(const Step *step, char *buffer, size_t size) {
        char path[PATH_TEXT_SIZE], value[ATTRIBUTE_VALUE_SIZE + 2];

        switch (step->kind) {
        case STEP_SET_D3COLD:
        case STEP_SET_OVERRIDE:
        case STEP_SET_POWER:
        case STEP_SET_METHOD:
                (void) text_format(value, sizeof(value), "\"%s\"", step->text);
                write_text(step, isempty(step->text) ? "a newline" : value, buffer, size);
                break;
        case STEP_UNBIND:
        case STEP_BIND:
        case STEP_PROBE:
        case STEP_GUARD_SET:
        case STEP_GUARD_CLEAR:
                write_text(step, ADDRESS_TEXT(step->address), buffer, size);
                break;
        case STEP_WRITE_CONFIG:
                (void) text_format(value, sizeof(value), "0x%08x at 0x%02x", step->value, step->offset);
                write_text(step, value, buffer, size);
                break;
        case STEP_FUNCTION_RESET:
                write_text(step, "1", buffer, size);
                break;
        case STEP_VENDOR_RESET:
                (void) text_format(buffer, size, "ask %s to reset it", step_path(step, path));
                break;
        case STEP_D3HOT:
                write_text(step, "the power state", buffer, size);
                break;
        case STEP_RESTORE_CONFIG:
                write_text(step, "the saved registers", buffer, size);
                break;
        case STEP_WAKE_ALARM:
                (void) text_format(value, sizeof(value), "\"+%u\"", step->value);
                write_text(step, value, buffer, size);
                break;
        case STEP_REMOVE_RESCAN:
                write_text(step, "1", buffer, size);
                break;
        case STEP_ALIVE:
        case STEP_SAVE_CONFIG:
        case STEP_VERIFY_CONFIG:
                (void) text_format(buffer, size, "read %s", step_path(step, path));
                break;
        case STEP_GROUP_FREE:
                (void) text_format(buffer, size, "open %s", step_path(step, path));
                break;
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
        case STEP_NODES_FREE:
        case STEP_DELAY:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                (void) step_describe(step, buffer, size);
                break;
        }
}

static void add_help(StuckView *view, const char *text) {
        assert(view->n_help < STUCK_HELP_MAX);
        (void) text_format(view->help[view->n_help++], sizeof(view->help[0]), "%s", text);
}

/* Who could be ended, if anybody is seen. */
static void help_holders(StuckView *view) {
        char text[sizeof(view->help[0])] = "End whoever holds it: ";

        for (size_t i = 0; i < view->n_holders; i++)
                (void) text_append(text, sizeof(text), "%s%s", i > 0 ? "; " : "", view->holders[i]);
        (void) text_append(text, sizeof(text), ".");
        if (view->n_holders > 0)
                add_help(view, text);
}

static void help_unbind(const StuckFacts *facts, StuckView *view) {
        const char *driver = facts->step->text;

        if (facts->role == FUNCTION_ROLE_AUDIO) {
                add_help(view, view->n_holders > 0
                                       ? "A sound driver waits until nobody has an ALSA node of it open any more."
                                       : "A sound driver waits until nobody has an ALSA node of it open any more; "
                                         "no process is seen that has one.");
                help_holders(view);
        } else if (streq(driver, "amdgpu")) {
                add_help(view, "amdgpu waits for work that runs on the card, and in kernels from 2026 on until no process "
                               "computes on it (ROCm, /dev/kfd): end what uses it.");
                help_holders(view);
        } else if (text_starts_with(driver, "nvidia")) {
                add_help(view, "nvidia waits until no process has the card open (/dev/nvidia*): end those. With newer "
                               "versions of it that comes too late, and it never comes back.");
                help_holders(view);
        } else if (streq(driver, DRIVER_VFIO_PCI)) {
                add_help(view, "vfio-pci waits until the virtual machine lets the card go: shut it down, or end its "
                               "QEMU.");
        } else
                help_holders(view);
}

static void help_by_kind(const StuckFacts *facts, StuckView *view) {
        StepKind kind = facts->step ? facts->step->kind : _STEP_KIND_INVALID;

        if (!facts->step)
                add_help(view, "Somebody else's write to this device (its reset, remove, or a driver's unbind) may hang "
                               "before ours: the kernel's messages (journalctl -k) may name it.");
        else if (kind == STEP_UNBIND)
                help_unbind(facts, view);
        else if (kind == STEP_BIND || kind == STEP_PROBE)
                add_help(view, "A driver that starts waits for the hardware: the kernel's messages (journalctl -k) may say "
                               "for what.");
        else if (kind == STEP_GROUP_FREE)
                add_help(view, "The reset that the kernel does when a virtual machine lets the card go may not be over; a "
                               "card that does not come back from it needs the power switched off.");
}

void stuck_words(const StuckFacts *facts, StuckView *view) {
        const char *card = ADDRESS_TEXT(facts->card);

        view->function = facts->step ? facts->step->address : facts->card;
        if (facts->step) {
                (void) step_describe(facts->step, view->step, sizeof(view->step));
                step_action(facts->step, view->action, sizeof(view->action));
        } else {
                (void) text_format(view->step, sizeof(view->step), "look at %s", card);
                (void) text_format(view->action, sizeof(view->action),
                                   "read the configuration space and attributes of %s", card);
        }
        memset(view->help, 0, sizeof(view->help));
        view->n_help = 0;
        help_by_kind(facts, view);
        add_help(view, "It may come back by itself: the card is then looked at afresh and can be used again. Nothing can "
                       "end it from outside, and other GPUs do not notice.");
        add_help(view, "If it does not, only a power-off by hand helps: the kernel cannot power off or reboot by itself "
                       "while this hangs. Save your work and shut down as usual; when the console says \"Powering off\" "
                       "or \"Rebooting\", or nothing moves any more, everything is written: hold the power button.");
        add_help(view, "Without a power button at hand: sync, then echo b > /proc/sysrq-trigger reboots at once (as does "
                       "Alt+SysRq+B; \"o\" hangs like every other way), and a machine with a hardware watchdog is reset "
                       "10 minutes after \"Rebooting\". A warm reboot may not be enough for the card.");
}

static void append_time(usec_t usec, char *buffer, size_t size) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        char text[64];
        struct tm parts;

        if (localtime_r(&seconds, &parts) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &parts) > 0)
                (void) text_append(buffer, size, "since %s, ", text);
}

const char *stuck_circumstances(const StuckView *view, char *buffer, size_t size) {
        buffer[0] = '\0';
        if (view->since_usec > 0)
                append_time(view->since_usec, buffer, size);
        if (!isempty(view->kernel_function))
                (void) text_append(buffer, size, "in %s, ", view->kernel_function);
        (void) text_append(buffer, size, "helper pid %d", view->pid);
        return buffer;
}

const char *stuck_sentence(const StuckView *view, char *buffer, size_t size) {
        char circumstances[256];

        (void) text_format(buffer, size, "%s: %s has not come back (%s)", view->step, view->action,
                           stuck_circumstances(view, circumstances, sizeof(circumstances)));
        return buffer;
}

const char *stuck_console_line(const StuckView *view, size_t index, char *buffer, size_t size) {
        assert(index < STUCK_CONSOLE_LINES);
        if (index == 0)
                (void) text_format(buffer, size,
                                   "GPU %s is stuck%s%s: the kernel cannot power off or reboot while it waits for that "
                                   "device",
                                   ADDRESS_TEXT(view->function), isempty(view->kernel_function) ? "" : " in ",
                                   view->kernel_function);
        else
                (void) text_format(buffer, size,
                                   "When \"Powering off\" or \"Rebooting\" is said and nothing follows, everything is written: "
                                   "hold the power button, or reboot by Alt+SysRq+B");
        return buffer;
}
