/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lines of the kernel log mean for a card. Sources: amdgpu_device.c and vi.c of amdgpu,
 * radeon_device.c of radeon, vfio_pci_config.c and vfio_main.c of vfio, pci.c of the PCI core,
 * nv-pci.c of NVIDIA's open kernel modules.
 *
 * Where a line does not say which card it means, all cards that it may mean are taken: a card
 * that is thought worse than it is costs a refusal, the other way round it costs the card.
 */

#include "machine/kernel-log.h"

#include "base/text.h"

#define VENDOR_AMD 0x1002
#define VENDOR_NVIDIA 0x10de

/* Reads "0xVVVV:0xDDDD" at @text. Returns what is behind it, or NULL. */
static const char *id_pair_parse(const char *text, uint16_t *ret_vendor, uint16_t *ret_device) {
        uint16_t *const ids[] = { ret_vendor, ret_device };

        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                char digits[5];
                uint64_t value;
                if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
                        return NULL;
                text += 2;
                size_t n = strspn(text, "0123456789abcdefABCDEF");
                if (n == 0 || n >= sizeof(digits))
                        return NULL;
                memcpy(digits, text, n);
                digits[n] = '\0';
                if (text_to_uint64(digits, 16, &value) < 0)
                        return NULL;
                *ids[i] = (uint16_t) value;
                text += n;
                if (i == 0 && *text++ != ':')
                        return NULL;
        }
        return text;
}

/*
 * "initializing kernel modesetting (POLARIS10 0x1002:0x67DF 0x1DA2:0xE366 0xE7)."; oldest kernels end
 * behind the first pair of ids. The name of a chip may have spaces ("VEGA M").
 */
static bool text_is_init_of(const char *text, const FunctionFacts *display, bool by_address) {
        const char *start = strcasestr(text, "initializing kernel modesetting (");
        const char *ids = start ? strcasestr(start, " 0x") : NULL;
        uint16_t vendor, device;

        if (!ids)
                return false;
        const char *rest = id_pair_parse(ids + 1, &vendor, &device);
        if (!rest || vendor != display->vendor_id || device != display->device_id)
                return false;
        if (by_address || display->subsystem_vendor_id == 0)
                return true;
        return *rest != ' ' || !id_pair_parse(rest + 1, &vendor, &device) ||
               (vendor == display->subsystem_vendor_id && device == display->subsystem_device_id);
}

/* dev_printk() begins with the driver's name: "vfio-pci 0000:01:00.0: ", or "pci " where there is none. */
static bool text_is_of_guest_driver(const char *text) {
        char driver[DRIVER_NAME_SIZE];
        size_t n = strcspn(text, " ");

        if (n >= sizeof(driver))
                return false;
        memcpy(driver, text, n);
        driver[n] = '\0';
        return driver_is_guest(driver);
}

/*
 * Lines that vfio or the PCI core write only when somebody opens, resets or holds the device. Binding
 * vfio-pci alone writes none of them (a line of vgaarb, at most).
 */
static bool text_is_guest_use(const char *text) {
        static const char *const signs[] = {
                "enabling device",
                ": resetting",
                ": reset done",
                "vfio_cap_init: hiding cap",
                "vfio_ecap_init: hiding ecap",
                "Relaying device request to user",
                "No device request channel registered",
        };

        if (!text_is_of_guest_driver(text))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(signs); i++)
                if (strcasestr(text, signs[i]))
                        return true;
        return false;
}

/*
 * vfio_bar_restore() in drivers/vfio/pci/vfio_pci_config.c: the guest switches memory on, and the BARs are not what vfio
 * wrote: a reset that vfio did not do itself. Before 5.1 without the driver's name.
 */
static bool text_is_bar_restore(const char *text) {
        return strcasestr(text, "reset recovery - restoring BARs");
}

/*
 * nv_pci_remove_helper() in kernel-open/nvidia/nv-pci.c waits without end behind this line. Older ones name a number
 * of their own ("minor device 1") and no address.
 */
static bool text_is_in_use(const char *text) {
        return strcasestr(text, "NVRM: ") && strcasestr(text, "with non-zero usage count");
}

/* pci_power_up(), pci_set_low_power_state() and pci_dev_wait() in drivers/pci/pci.c. */
static bool text_is_death(const char *text) {
        const char *not_ready = strcasestr(text, "not ready ");
        const char *power = strcasestr(text, "change power state from ");

        if (not_ready && strcasestr(not_ready, "giving up"))
                return true;
        /* "Unable to change power state from D3cold to D0, device inaccessible"; before 5.18 "can't change
         * power state from D3cold to D0 (config space inaccessible)". From D0 as well: it read all ones. */
        return power && strcasestr(power, "inaccessible");
}

/* The same pci_dev_wait(), from its first second on: the card need not be lost, but its bus was reset. */
static bool text_is_bus_reset(const char *text) {
        const char *not_ready = strcasestr(text, "not ready ");

        return not_ready && (strcasestr(not_ready, "after bus reset") || strcasestr(not_ready, "after slot reset"));
}

/*
 * "invalid power transition (from D3cold to D3hot)" and whatever drivers say of it. Each enumeration says what a device
 * can do: "PME# supported from D0 D3hot D3cold".
 */
static bool text_is_of_power(const char *text) {
        return strcasestr(text, "D3cold") && !strcasestr(text, "PME# supported");
}

LogFact kernel_log_fact(const KernelLogRecord *record, const CardFacts *card) {
        const char *text = record->text;

        if (record->from_user_space || card->n_functions == 0)
                return _LOG_FACT_INVALID;
        const FunctionFacts *display = &card->functions[0];
        bool is_ours = record->has_address && card_function(card, record->address);

        if (record->has_address && !is_ours)
                return _LOG_FACT_INVALID;
        if (text_is_init_of(text, display, is_ours))
                return LOG_FACT_HOST_INIT;
        /* Also "GPU PCI config reset" and "GPU pci config reset" of older kernels. */
        if (strcasestr(text, "PCI CONFIG reset") &&
            (is_ours || streq(display->driver, "amdgpu") || display->vendor_id == VENDOR_AMD))
                return LOG_FACT_RESET_LINE;
        if (text_is_in_use(text) && display->vendor_id == VENDOR_NVIDIA)
                return LOG_FACT_IN_USE;
        if (!is_ours)
                return _LOG_FACT_INVALID;
        if (text_is_death(text))
                return LOG_FACT_DEAD;
        if (text_is_bus_reset(text))
                return LOG_FACT_BUS_RESET;
        if (text_is_bar_restore(text))
                return LOG_FACT_BAR_RESTORE;
        if (text_is_of_power(text))
                return LOG_FACT_POWER;
        if (text_is_guest_use(text))
                return LOG_FACT_GUEST_USE;
        return _LOG_FACT_INVALID;
}

/* The words of kernel/power/suspend.c, kernel/power/hibernate.c and drivers/acpi/sleep.c, which had no "PM: " before 5.12. */
SleepLine kernel_log_sleep_line(const KernelLogRecord *record) {
        static const struct {
                const char *text;
                SleepLine line;
        } lines[] = {
                { "PM: suspend entry (deep)", SLEEP_LINE_ENTRY_DEEP },
                { "PM: suspend entry (shallow)", SLEEP_LINE_ENTRY_LIGHT },
                { "PM: suspend entry (s2idle)", SLEEP_LINE_ENTRY_LIGHT },
                { "ACPI: PM: Low-level resume complete", SLEEP_LINE_FIRMWARE },
                { "ACPI: Low-level resume complete", SLEEP_LINE_FIRMWARE },
                { "ACPI: PM: Waking up from system sleep state S3", SLEEP_LINE_WAKING },
                { "ACPI: Waking up from system sleep state S3", SLEEP_LINE_WAKING },
                { "PM: suspend exit", SLEEP_LINE_EXIT },
                { "PM: hibernation: hibernation exit", SLEEP_LINE_HIBERNATED },
        };

        if (record->from_user_space)
                return _SLEEP_LINE_INVALID;
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (streq(record->text, lines[i].text))
                        return lines[i].line;
        return _SLEEP_LINE_INVALID;
}
