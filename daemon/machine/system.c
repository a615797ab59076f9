/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine as a whole. A card's name comes from systemd's hardware database, which is made of
 * pci.ids: no names of our own, and no libpci in the daemon.
 */

#include "machine/system.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/utsname.h>
#include <systemd/sd-hwdb.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "machine/attribute.h"

bool system_driver_loaded(const char *root, const char *driver) {
        char path[PATH_MAX];

        /* Not a way to ask for other files. */
        if (isempty(driver) || driver[0] == '.' || strchr(driver, '/'))
                return false;
        if (text_format(path, sizeof(path), "%s/sys/bus/pci/drivers/%s", root, driver) < 0)
                return false;
        return access(path, F_OK) >= 0;
}

static bool path_exists(const char *root, const char *place) {
        char path[PATH_MAX];

        return text_format(path, sizeof(path), "%s%s", root, place) >= 0 && access(path, F_OK) >= 0;
}

void system_facts(const char *root, MachineFacts *ret_facts) {
        *ret_facts = (MachineFacts){
                .vfio_driver_loaded = system_driver_loaded(root, DRIVER_VFIO_PCI),
                .stub_driver_loaded = system_driver_loaded(root, DRIVER_PCI_STUB),
                .vendor_reset_there = path_exists(root, "/dev/vendor_reset"),
                .guard_module_loaded = path_exists(root, GUARD_MODULE_FOLDER),
        };
}

/* Is @word among those of a file of /sys/power, and is it the one in brackets? */
static bool has_word(const char *root, const char *file, const char *word, bool *ret_selected) {
        char path[PATH_MAX], text[256], *rest = text;
        bool found = false, selected = false;

        if (text_format(path, sizeof(path), "%s/sys/power/%s", root, file) < 0 ||
            attribute_read(AT_FDCWD, path, text, sizeof(text)) < 0)
                text[0] = '\0';
        for (char *item; (item = strsep(&rest, " "));) {
                size_t n = strlen(item);
                bool brackets = n > 2 && item[0] == '[' && item[n - 1] == ']';
                if (brackets) {
                        item[n - 1] = '\0';
                        item++;
                }
                if (!streq(item, word))
                        continue;
                found = true;
                selected = brackets;
        }
        if (ret_selected)
                *ret_selected = selected;
        return found;
}

void system_sleep(const char *root, SleepAbility *ret_ability) {
        char path[PATH_MAX];
        bool no_test;

        *ret_ability = (SleepAbility){
                .mem = has_word(root, "state", "mem", NULL),
                .alarm = text_format(path, sizeof(path), "%s/sys/class/rtc/rtc0/wakealarm", root) >= 0 && access(path, F_OK) >= 0,
        };
        ret_ability->deep_offered = has_word(root, "mem_sleep", "deep", &ret_ability->deep_selected);
        ret_ability->tested_only = has_word(root, "pm_test", "none", &no_test) && !no_test; /* only there with CONFIG_PM_DEBUG */
}

int system_boot_id(const char *root, char ret_id[static BOOT_ID_TEXT_SIZE]) {
        char path[PATH_MAX], id[BOOT_ID_TEXT_SIZE + 1];

        if (text_format(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", root) < 0)
                return -ENAMETOOLONG;
        int r = attribute_read(AT_FDCWD, path, id, sizeof(id));
        if (r < 0)
                return r;
        return text_is_uuid(id) ? text_copy(ret_id, BOOT_ID_TEXT_SIZE, id) : -EBADMSG;
}

void system_kernel_release(char ret_release[static KERNEL_RELEASE_SIZE]) {
        struct utsname name;

        /* Fails for a bad pointer only. */
        if (uname(&name) < 0 || isempty(name.release) || text_copy(ret_release, KERNEL_RELEASE_SIZE, name.release) < 0)
                (void) text_copy(ret_release, KERNEL_RELEASE_SIZE, "unknown");
        (void) text_make_printable(ret_release);
}

/* Copies what fits, and nothing that a terminal or the bus would choke on: no control characters, whole
 * UTF-8. */
static void name_copy(char ret_name[static CARD_NAME_SIZE], const char *name) {
        size_t n = strnlen(name, CARD_NAME_SIZE);

        if (n == CARD_NAME_SIZE) {
                n--;
                while (n > 0 && ((unsigned char) name[n] & 0xc0) == 0x80)
                        n--;
        }
        for (size_t i = 0; i < n; i++)
                ret_name[i] = iscntrl((unsigned char) name[i]) ? '?' : name[i];
        ret_name[n] = '\0';
}

void system_card_name(const FunctionFacts *display, char ret_name[static CARD_NAME_SIZE]) {
        _cleanup_(sd_hwdb_unrefp) sd_hwdb *database = NULL;
        char modalias[96], generic[CARD_NAME_SIZE];
        const char *value;

        ret_name[0] = '\0';
        if (sd_hwdb_new(&database) < 0)
                return;
        /* As the kernel writes it (pci_uevent()): upper case, class in three bytes. */
        (void) text_format(modalias, sizeof(modalias), "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
                           display->vendor_id, display->device_id, display->subsystem_vendor_id,
                           display->subsystem_device_id, display->class_code >> 16 & 0xff,
                           display->class_code >> 8 & 0xff, display->class_code & 0xff);
        if (sd_hwdb_get(database, modalias, "ID_MODEL_FROM_DATABASE", &value) >= 0) {
                name_copy(ret_name, value);
                return;
        }
        /* A card newer than the database: its maker is known all the same. */
        if (sd_hwdb_get(database, modalias, "ID_VENDOR_FROM_DATABASE", &value) < 0)
                return;
        (void) text_format(generic, sizeof(generic), "%.100s Device %04x", value, display->device_id);
        name_copy(ret_name, generic);
}

/* "0000:01:00.0" is "00.0" to its bridge; bus numbers change when a card is added elsewhere. */
static const char *component_place(const char *component, size_t *n) {
        char text[PCI_ADDRESS_TEXT_SIZE];
        PciAddress address;

        if (*n >= sizeof(text))
                return component;
        memcpy(text, component, *n);
        text[*n] = '\0';
        if (address_parse(text, &address) < 0)
                return component;
        const char *colon = strrchr(text, ':') + 1;
        component += colon - text;
        *n -= (size_t) (colon - text);
        return component;
}

void card_identity(const CardFacts *card, char ret_identity[static IDENTITY_TEXT_SIZE]) {
        const FunctionFacts *display = &card->functions[0];

        if (!isempty(card->unique_id)) {
                (void) text_format(ret_identity, IDENTITY_TEXT_SIZE, "unique:%s", card->unique_id);
                return;
        }
        (void) text_format(ret_identity, IDENTITY_TEXT_SIZE, "%04x:%04x:%04x:%04x@", display->vendor_id,
                           display->device_id, display->subsystem_vendor_id, display->subsystem_device_id);

        /* From the root bus on: "pci0000:00/01.0/00.0". 17 bridges fit, as many as in slot_path. */
        const char *path = strstr(card->slot_path, "/pci");
        const char *separator = "";
        for (path = path ? path + 1 : card->slot_path; *path != '\0';) {
                size_t n = strcspn(path, "/"), length = n;
                const char *place = component_place(path, &length);
                if (n > 0) {
                        (void) text_append(ret_identity, IDENTITY_TEXT_SIZE, "%s%.*s", separator,
                                           (int) length, place);
                        separator = "/";
                }
                path += n;
                path += *path == '/';
        }
}
