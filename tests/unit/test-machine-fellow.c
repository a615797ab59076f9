/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card with the devices of other slots that go along. */

#include "base/address.h"
#include "check-main.h"
#include "machine-tree.h"
#include "machine/cards.h"
#include "machine/fellow.h"

#define SLOT "pci0000:00/0000:00:01.0/0000:01:00."

static const TreeDevice gpu = { SLOT "0", 0x030000, 0x1002, 0x67df, 0x1da2, 0xe366, "amdgpu", 1 };
static const TreeDevice audio = { SLOT "1", 0x040300, 0x1002, 0xaaf0, 0x1da2, 0xaaf0, "snd_hda_intel", 1 };
static const TreeDevice nvme = { "pci0000:00/0000:00:1d.0/0000:05:00.0", 0x010802, 0x144d, 0xa804, 0x144d, 0xa801, "nvme", 5 };
static const TreeDevice port = { "pci0000:00/0000:00:1d.0", 0x060400, 0x8086, 0xa298, 0, 0, "pcieport", 5 };
static const TreeDevice wireless = { "pci0000:00/0000:06:00.0", 0x028000, 0x168c, 0x0030, 0, 0, NULL, 1 };

static PciAddress address(const char *text) {
        PciAddress a;

        ck_assert_int_eq(address_parse(text, &a), 0);
        return a;
}

static void setup(void) {
        tree_setup();
        tree_device(&gpu);
        tree_device(&audio);
        tree_device(&nvme);
        tree_device(&port);
        tree_device(&wireless);
        tree_write("proc/1/mountinfo", "%s", "");
}

static CardFacts read_with(size_t n, const char *const *texts) {
        PciAddress fellows[FELLOWS_MAX];
        CardFacts card;

        for (size_t i = 0; i < n; i++)
                fellows[i] = address(texts[i]);
        ck_assert_int_eq(cards_read_with(tree_root, address("0000:01:00.1"), fellows, n, &card), 0);
        return card;
}

#define READ_WITH(...)                                                                                       \
        ({                                                                                                   \
                const char *const _texts_[] = { __VA_ARGS__ };                                               \
                read_with(ELEMENTSOF(_texts_), _texts_);                                                     \
        })

START_TEST(test_without) {
        CardFacts card, same;

        ck_assert_int_eq(cards_read(tree_root, address("0000:01:00.0"), &card), 0);
        same = read_with(0, NULL);
        ck_assert_uint_eq(card.n_functions, 2);
        ck_assert_uint_eq(same.n_functions, 2);
        for (size_t i = 0; i < 2; i++) {
                ck_assert(address_equal(same.functions[i].address, card.functions[i].address));
                ck_assert_str_eq(same.functions[i].driver, card.functions[i].driver);
        }
        ck_assert_uint_eq(same.n_fellows + same.n_lost_fellows, 0);
        ck_assert_uint_eq(same.n_group_members, 1);
        ck_assert_uint_eq(card.n_fellows + card.n_lost_fellows, 0);
        ck_assert_uint_eq(card.n_group_members, 1);
        ck_assert(address_equal(card.group_members[0].address, address("0000:06:00.0")));
}
END_TEST

START_TEST(test_facts_and_groups) {
        CardFacts card = READ_WITH("0000:06:00.0", "0000:05:00.0");

        ck_assert_uint_eq(card.n_functions, 2);
        ck_assert_uint_eq(card.n_fellows, 2);
        ck_assert_uint_eq(card.n_lost_fellows, 0);
        const FunctionFacts *f = &card.fellows[1].function;
        ck_assert(address_equal(f->address, address("0000:05:00.0")));
        ck_assert_uint_eq(f->class_code, 0x010802);
        ck_assert(f->vendor_id == 0x144d && f->device_id == 0xa804 && f->iommu_group == 5);
        ck_assert_str_eq(f->driver, "nvme");
        ck_assert(!f->survey.valid);
        ck_assert_str_eq(card.fellows[1].host_use, "");
        ck_assert(address_equal(card.fellows[0].function.address, address("0000:06:00.0")));
        ck_assert_str_eq(card.fellows[0].function.driver, "");

        /* The port is in the group of one; the other is in the card's own, and no stranger there any more. */
        ck_assert_uint_eq(card.n_group_members, 1);
        ck_assert(address_equal(card.group_members[0].address, address("0000:00:1d.0")));
        ck_assert_int_eq(card.group_members[0].iommu_group, 5);
}
END_TEST

START_TEST(test_lost) {
        CardFacts card = READ_WITH("0000:09:00.0", "0000:05:00.0", "10000:e1:00.0");

        ck_assert_uint_eq(card.n_fellows, 1);
        ck_assert(address_equal(card.fellows[0].function.address, address("0000:05:00.0")));
        ck_assert_uint_eq(card.n_lost_fellows, 2);
        ck_assert(address_equal(card.lost_fellows[0], address("0000:09:00.0")));
        ck_assert(address_equal(card.lost_fellows[1], address("10000:e1:00.0")));

        /* It goes while it is read. */
        tree_unlink(TREE_FILE(&nvme, "vendor"));
        card = READ_WITH("0000:05:00.0");
        ck_assert_uint_eq(card.n_fellows, 0);
        ck_assert_uint_eq(card.n_lost_fellows, 1);
}
END_TEST

START_TEST(test_limit) {
        char path[64];
        TreeDevice device = { path, 0x0c0330, 0x1b21, 0x1242, 0, 0, "xhci_hcd", 0 };
        const char *texts[FELLOWS_MAX];
        char names[FELLOWS_MAX][PCI_ADDRESS_TEXT_SIZE];

        for (size_t i = 0; i < FELLOWS_MAX; i++) {
                (void) text_format(names[i], sizeof(names[i]), "0000:%02zx:00.0", 0x20 + i);
                (void) text_format(path, sizeof(path), "pci0000:00/%s", names[i]);
                device.group = (int) i + 20;
                tree_device(&device);
                texts[i] = names[i];
        }
        CardFacts card = read_with(FELLOWS_MAX, texts);
        ck_assert_uint_eq(card.n_fellows, FELLOWS_MAX);
        ck_assert_uint_eq(card_n_parts(&card), 2 + FELLOWS_MAX);
        ck_assert_int_eq(card.fellows[FELLOWS_MAX - 1].function.iommu_group, (int) FELLOWS_MAX + 19);
}
END_TEST

static void read_use(CardFacts *card) {
        for (size_t i = 0; i < card->n_fellows; i++)
                fellow_read_use(tree_root, &card->fellows[i]);
}

/* What is known, and that something is not known, are both no reason to lose sight of the card. */
START_TEST(test_host_use) {
        tree_write(TREE_FILE(&nvme, "nvme/nvme1/nvme1n1/dev"), "259:4\n");
        tree_link("sys/class/block/nvme1n1", "sys/devices/pci0000:00/0000:00:1d.0/0000:05:00.0/nvme/nvme1/nvme1n1");
        tree_write("proc/1/mountinfo", "36 25 259:4 / /home rw - ext4 /dev/nvme1n1 rw\n");
        CardFacts card = READ_WITH("0000:05:00.0", "0000:06:00.0");
        read_use(&card);
        ck_assert_str_eq(card.fellows[0].host_use, "file system /home on nvme1n1");
        ck_assert_str_eq(card.fellows[1].host_use, "");
        tree_unlink("proc/1/mountinfo");
        card = READ_WITH("0000:05:00.0", "0000:06:00.0");
        read_use(&card);
        ck_assert_str_eq(card.fellows[0].host_use, "what for cannot be found out (Permission denied)");
        ck_assert_str_eq(card.fellows[1].host_use, "");
}
END_TEST

/* What goes with another card; in the slot of a processor with graphics that is its sound alone. */
START_TEST(test_of_another_card) {
        static const TreeDevice other = { "pci0000:00/0000:07:00.0", 0x030000, 0x10de, 0x1e07, 0, 0, "nouveau", 7 };
        static const TreeDevice sound = { "pci0000:00/0000:07:00.1", 0x040300, 0x10de, 0x10f7, 0, 0, "snd_hda_intel", 7 };
        static const TreeDevice usb = { "pci0000:00/0000:07:00.3", 0x0c0330, 0x1022, 0x1639, 0, 0, "xhci_hcd", 8 };
        static const TreeDevice processor = { "pci0000:00/0000:07:00.2", 0x108000, 0x1022, 0x15df, 0, 0, "ccp", 7 };

        tree_device(&other);
        tree_device(&sound);
        tree_device(&usb);
        CardFacts card = READ_WITH("0000:07:00.1", "0000:07:00.3", "0000:05:00.0");
        ck_assert(card.fellows[0].is_of_card && card.fellows[1].is_of_card && !card.fellows[2].is_of_card);
        tree_device(&processor);
        card = READ_WITH("0000:07:00.1", "0000:07:00.3", "0000:07:00.0");
        ck_assert(card.fellows[0].is_of_card && !card.fellows[1].is_of_card && card.fellows[2].is_of_card);
}
END_TEST

START_TEST(test_errors) {
        PciAddress fellow = address("0000:05:00.0");
        CardFacts card;

        tree_write(TREE_FILE(&nvme, "vendor"), "vendor\n");
        ck_assert_int_eq(cards_read_with(tree_root, address("0000:01:00.0"), &fellow, 1, &card), -EINVAL);
        ck_assert_int_eq(cards_read_with(tree_root, address("0000:05:00.0"), &fellow, 1, &card), CARDS_E_NOT_A_CARD);
        ck_assert_int_eq(cards_read_with(tree_root, address("0000:09:00.0"), &fellow, 1, &card), -ENODEV);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/fellow");
        TCase *tests = tcase_create("fellow");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, setup, tree_teardown);
        tcase_add_test(tests, test_without);
        tcase_add_test(tests, test_facts_and_groups);
        tcase_add_test(tests, test_lost);
        tcase_add_test(tests, test_limit);
        tcase_add_test(tests, test_host_use);
        tcase_add_test(tests, test_of_another_card);
        tcase_add_test(tests, test_errors);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
