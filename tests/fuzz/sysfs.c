/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text of /sys and /proc: a card with a companion that has a sound node, and a disk, a network interface and an input
 * behind it, a bridge in its IOMMU group, and a process that has the node open, in a folder in memory. The input replaces files and links: each behind a line "==> NAME", NAME one of
 * the table below; a link's text is its target; "-" as the whole text takes the file away.
 *
 * Accepted: the card is found, with its holder, the process and the boot id, and the tables of the host's uses can be read.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"
#include "fuzz.h"
#include "machine/cards.h"
#include "machine/host-use.h"
#include "machine/nodes.h"
#include "machine/system.h"

#define MARK "==> "
#define PID 4711
#define DEVICES "sys/devices/pci0000:00/0000:00:01.0/"
#define DISPLAY DEVICES "0000:01:00.0/"
#define AUDIO DEVICES "0000:01:00.1/"
#define BRIDGE "sys/devices/pci0000:00/0000:00:01.0/"
#define NODE AUDIO "sound/card1/controlC1/"
#define DISK AUDIO "block/sda/"
#define INTERFACE AUDIO "net/eth0/"
#define INPUT AUDIO "input/input3/"

static const struct Entry {
        const char *name;
        const char *path;
        bool is_link;
        const char *text;
} entries[] = {
        { "class", DISPLAY "class", false, "0x030000\n" },
        { "vendor", DISPLAY "vendor", false, "0x1002\n" },
        { "device", DISPLAY "device", false, "0x67df\n" },
        { "subsystem_vendor", DISPLAY "subsystem_vendor", false, "0x1da2\n" },
        { "subsystem_device", DISPLAY "subsystem_device", false, "0xe366\n" },
        { "boot_vga", DISPLAY "boot_vga", false, "1\n" },
        { "boot_display", DISPLAY "drm/card0/boot_display", false, "0\n" },
        { "unique_id", DISPLAY "unique_id", false, "123456789abcdef0\n" },
        { "driver", DISPLAY "driver", true, "../../../../bus/pci/drivers/amdgpu" },
        { "iommu_group", DISPLAY "iommu_group", true, "../../../../kernel/iommu_groups/11" },
        { "virtfn", DISPLAY "virtfn0", true, "../0000:01:02.0" },
        { "audio-class", AUDIO "class", false, "0x040300\n" },
        { "audio-vendor", AUDIO "vendor", false, "0x1002\n" },
        { "audio-device", AUDIO "device", false, "0xaaf0\n" },
        { "audio-subsystem_vendor", AUDIO "subsystem_vendor", false, "0x1da2\n" },
        { "audio-subsystem_device", AUDIO "subsystem_device", false, "0xaaf0\n" },
        { "audio-driver", AUDIO "driver", true, "../../../../bus/pci/drivers/snd_hda_intel" },
        { "audio-iommu_group", AUDIO "iommu_group", true, "../../../../kernel/iommu_groups/11" },
        { "bridge-class", BRIDGE "class", false, "0x060400\n" },
        { "bridge-driver", BRIDGE "driver", true, "../../../bus/pci/drivers/pcieport" },
        { "dev", NODE "dev", false, "1:3\n" },
        { "subsystem", NODE "subsystem", true, "../../../../../../../../class/sound" },
        { "stat", "proc/4711/stat", false,
          "4711 (a ) name) S 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 0 0 18446744073709551615 0\n" },
        { "wchan", "proc/4711/wchan", false, "snd_card_free" },
        { "stack", "proc/4711/stack", false,
          "[<0>] snd_card_free+0x6a/0x90 [snd]\n[<0>] pci_device_remove+0x3b/0xb0\n[<0>] unbind_store+0xfc/0x140\n" },
        { "comm", "proc/4711/comm", false, "pipewire\n" },
        { "cgroup", "proc/4711/cgroup", false, "0::/user.slice/user-1000.slice/session.slice/pipewire.service\n" },
        { "fd", "proc/4711/fd/3", true, "/dev/null" },
        { "block-dev", DISK "dev", false, "8:0\n" },
        { "holder", DISK "holders/dm-0", false, "-" },
        { "dm-name", "sys/class/block/dm-0/dm/name", false, "vg-home\n" },
        { "mountinfo", "proc/1/mountinfo", false, "25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n" },
        { "swaps", "proc/swaps", false, "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1 0 100\n" },
        { "btrfs-device", "sys/fs/btrfs/X/devices/sda", false, "-" },
        { "btrfs-label", "sys/fs/btrfs/X/label", false, "pool\n" },
        { "udev", "run/udev/data/b8:0", false, "E:ID_FS_TYPE=vfat\n" },
        { "operstate", INTERFACE "operstate", false, "down\n" },
        { "flags", INTERFACE "flags", false, "0x1003\n" },
        { "key", INPUT "capabilities/key", false, "10000000000000 0\n" },
        { "input-name", INPUT "name", false, "Power Button\n" },
        { "boot_id", "proc/sys/kernel/random/boot_id", false, "0b5a1c8e-5f1e-4c56-9d0a-2f6a1e1b0001\n" },
};

/* What is always there. */
static const struct Entry fixed[] = {
        { "", "sys/bus/pci/devices/0000:01:00.0", true, "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0" },
        { "", "sys/bus/pci/devices/0000:01:00.1", true, "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.1" },
        { "", "sys/bus/pci/devices/0000:00:01.0", true, "../../../devices/pci0000:00/0000:00:01.0" },
        { "", "sys/kernel/iommu_groups/11/devices/0000:01:00.0", true, "../../../../bus/pci/devices/0000:01:00.0" },
        { "", "sys/kernel/iommu_groups/11/devices/0000:01:00.1", true, "../../../../bus/pci/devices/0000:01:00.1" },
        { "", "sys/kernel/iommu_groups/11/devices/0000:00:01.0", true, "../../../../bus/pci/devices/0000:00:01.0" },
        { "", "sys/bus/pci/drivers/vfio-pci/bind", false, "" },
        { "", "sys/class/block/sda", true, "../../devices/pci0000:00/0000:00:01.0/0000:01:00.1/block/sda" },
        { "", "sys/class/net/eth0", true, "../../devices/pci0000:00/0000:00:01.0/0000:01:00.1/net/eth0" },
        { "", "sys/class/input/input3", true, "../../devices/pci0000:00/0000:00:01.0/0000:01:00.1/input/input3" },
        { "", "sys/module/zfs/refcnt", false, "1\n" },
};

static char root[64];
static int root_fd = -EBADF;

static void put(const struct Entry *entry, const char *text, size_t size) {
        static char target[4096];

        (void) unlinkat(root_fd, entry->path, 0);
        if (size == 1 && text[0] == '-')
                return;
        if (entry->is_link) {
                size = MIN_OF(strnlen(text, size), sizeof(target) - 1);
                memcpy(target, text, size);
                target[size] = '\0';
                (void) symlinkat(target, root_fd, entry->path); /* an empty one cannot be */
                return;
        }
        _cleanup_close_ int fd = openat(root_fd, entry->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        fuzz_require(fd >= 0 && write(fd, text, size) == (ssize_t) size, "%s: %m", entry->path);
}

static void put_first(const struct Entry *entry) {
        char folder[256];

        (void) text_copy(folder, sizeof(folder), entry->path);
        for (char *slash = folder; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                fuzz_require(mkdirat(root_fd, folder, 0700) == 0 || errno == EEXIST, "%s: %m", folder);
                *slash = '/';
        }
        put(entry, entry->text, strlen(entry->text));
}

/* Files and folders are gone when the deepest are taken away first, again and again. */
static void remove_path(const char *path) {
        char folder[256];

        (void) unlinkat(root_fd, path, 0);
        (void) text_copy(folder, sizeof(folder), path);
        for (char *slash; (slash = strrchr(folder, '/'));) {
                *slash = '\0';
                if (unlinkat(root_fd, folder, AT_REMOVEDIR) < 0)
                        return;
        }
        (void) unlinkat(root_fd, folder, AT_REMOVEDIR);
}

static void remove_root(void) {
        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                remove_path(fixed[i].path);
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                remove_path(entries[i].path);
        (void) rmdir(root);
}

void fuzz_setup(void) {
        (void) text_copy(root, sizeof(root), "/dev/shm/gpuswitch-fuzz-XXXXXX");
        fuzz_require(mkdtemp(root), "%m");
        root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fuzz_require(root_fd >= 0, "%m");
        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                put_first(&fixed[i]);
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                put_first(&entries[i]);
        (void) atexit(remove_root);
}

static const struct Entry *find(const char *name, size_t n) {
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                if (strlen(entries[i].name) == n && memcmp(entries[i].name, name, n) == 0)
                        return &entries[i];
        return NULL;
}

/* Return: which entries were changed, as bits. */
static uint64_t put_all(const char *text, const char *end) {
        uint64_t changed = 0;

        while (text < end && (size_t) (end - text) > strlen(MARK) && memcmp(text, MARK, strlen(MARK)) == 0) {
                const char *name = text + strlen(MARK), *line = memchr(name, '\n', (size_t) (end - name));
                if (!line)
                        break;
                const char *next = memmem(line, (size_t) (end - line), "\n" MARK, strlen(MARK) + 1);
                const char *stop = next ? next : end;
                const struct Entry *entry = find(name, (size_t) (line - name));
                if (entry) {
                        changed |= UINT64_C(1) << (entry - entries);
                        put(entry, line + 1, stop > line ? (size_t) (stop - line - 1) : 0);
                }
                text = next ? next + 1 : end;
        }
        return changed;
}

static void take_printable(FuzzVerdict *verdict, const char *text, size_t size) {
        verdict_add_text(verdict, text, size);
        for (; *text; text++)
                fuzz_require(*text >= 0x20 && *text <= 0x7e, "byte 0x%02x", (unsigned char) *text);
}

static void take_card(FuzzVerdict *verdict, const CardFacts *card) {
        char identity[IDENTITY_TEXT_SIZE];

        fuzz_require(card->n_functions >= 1 && card->n_functions <= FUNCTIONS_MAX);
        fuzz_require(card->n_group_members <= GROUP_MEMBERS_MAX);
        for (size_t i = 0; i < card->n_functions; i++) {
                verdict_add_field(verdict, card->functions[i].driver);
                verdict_add_value(verdict, card->functions[i].class_code);
                verdict_add_value(verdict, card->functions[i].device_id);
                verdict_add_value(verdict, card->functions[i].iommu_group);
                fuzz_require(card->functions[i].iommu_group >= -1 && card->functions[i].class_code <= 0xffffff);
                fuzz_require(!card->functions[i].survey.valid);
        }
        verdict_add_value(verdict, card->n_group_members);
        take_printable(verdict, card->unique_id, sizeof(card->unique_id));
        verdict_add_field(verdict, card->slot_path);
        card_identity(card, identity);
        take_printable(verdict, identity, sizeof(identity));
}

static void read_cards(FuzzVerdict *verdict) {
        _cleanup_free_ CardFacts *cards = NULL;
        size_t n = 0;

        int r = cards_scan(root, &cards, &n);
        if (r < 0)
                verdict_refuse(verdict, "cards: %s", strerror(-r));
        else if (n == 0)
                verdict_refuse(verdict, "cards: none");
        fuzz_require(n <= 1, "%zu cards", n);
        if (r == 0 && n == 1)
                take_card(verdict, cards);
        if (r == -ENOMEM)
                verdict->error = r;
}

static void read_holders(FuzzVerdict *verdict) {
        Holder holders[HOLDERS_MAX];
        char text[256];

        int n = nodes_holders(root, (PciAddress){ .bus = 1, .function = 1 }, holders);
        fuzz_require(n <= 1, "%d holders", n);
        if (n <= 0)
                return verdict_refuse(verdict, "holders: %s", n < 0 ? strerror(-n) : "none");
        take_printable(verdict, holders[0].command, sizeof(holders[0].command));
        take_printable(verdict, holders[0].unit, sizeof(holders[0].unit));
        take_printable(verdict, holders[0].node, sizeof(holders[0].node));
        take_printable(verdict, holder_describe(&holders[0], text, sizeof(text)), sizeof(text));
}

static void read_host_use(FuzzVerdict *verdict) {
        char use[HOST_USE_SIZE];

        int r = host_use_read(root, (PciAddress){ .bus = 1, .function = 1 }, use);
        fuzz_require(strnlen(use, sizeof(use)) < sizeof(use), "a text without end");
        fuzz_require(r >= 0 || isempty(use), "%s, and yet %s", strerror(-r), use);
        take_printable(verdict, use, sizeof(use));
        if (r < 0)
                verdict_refuse(verdict, "host use: %s", strerror(-r));
        if (r == -ENOMEM)
                verdict->error = r;
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        ProcessPlace place;
        char boot_id[BOOT_ID_TEXT_SIZE] = "";
        uint64_t changed = put_all((const char *) data, (const char *) data + size), ticks = 0;

        read_cards(ret);
        read_holders(ret);
        read_host_use(ret);
        int r = process_start_time(root, PID, &ticks);
        if (r < 0)
                verdict_refuse(ret, "process: %s", strerror(-r));
        verdict_add_value(ret, ticks);
        process_place(root, PID, &place);
        take_printable(ret, place.function, sizeof(place.function));
        take_printable(ret, place.stack, sizeof(place.stack));
        r = system_boot_id(root, boot_id);
        if (r < 0)
                verdict_refuse(ret, "boot id: %s", strerror(-r));
        fuzz_require(r < 0 || text_is_uuid(boot_id));
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                if (changed & UINT64_C(1) << i)
                        put(&entries[i], entries[i].text, strlen(entries[i].text));
}
