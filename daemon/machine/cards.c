/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card is a slot, and a slot is asked for function by function (0 to 7): no list of all devices is
 * kept. Whatever vanishes in between is left out; what cannot be read for another reason is an error,
 * since a card with a function missing would be taken for one that has none.
 */

#include "machine/cards.h"

#include <assert.h>
#include <limits.h>

#include "base/address.h"
#include "base/text.h"
#include "machine/attribute.h"
#include "machine/fellow.h"
#include "machine/function.h"
#include "machine/guard.h"

static bool companion_is_audio(const FunctionFacts *function) {
        return function->role == FUNCTION_ROLE_AUDIO;
}

/*
 * A discrete card has display, audio, USB and type-C functions. Anything else beside the display
 * function (the platform security processor, a sensor hub, a bridge to ISA) belongs to a processor
 * with graphics, and so does the USB controller in that slot: the host must keep them.
 */
static bool slot_is_apu(const CardFacts *card) {
        for (size_t i = 1; i < card->n_functions; i++)
                if (card->functions[i].role == FUNCTION_ROLE_OTHER)
                        return true;
        return false;
}

static void card_keep_audio(CardFacts *card) {
        size_t n = 1;

        for (size_t i = 1; i < card->n_functions; i++)
                if (companion_is_audio(&card->functions[i]))
                        card->functions[n++] = card->functions[i];
        card->n_functions = n;
}

/* Functions 1 to 7. A virtual function may share the slot number and is a device of its own all the same. */
static int card_add_companions(const char *root, PciAddress address, CardFacts *card) {
        for (uint8_t i = 1; i < FUNCTIONS_MAX; i++) {
                address.function = i;
                _cleanup_close_ int dir = function_open(root, address);
                if (function_is_gone(dir))
                        continue;
                if (dir < 0)
                        return dir;
                if (function_is_virtual(dir))
                        continue;
                int r = function_read(dir, address, &card->functions[card->n_functions]);
                if (function_is_gone(r))
                        continue;
                if (r < 0)
                        return r;
                card->n_functions++;
        }
        if (slot_is_apu(card))
                card_keep_audio(card);
        return 0;
}

static int card_add_member(const char *root, PciAddress address, int32_t group, CardFacts *card) {
        GroupMember member = { .address = address, .iommu_group = group };
        _cleanup_close_ int dir = function_open(root, address);

        if (dir < 0)
                return function_is_gone(dir) ? 0 : dir;
        int r = function_class(dir, &member.class_code);
        if (r >= 0)
                r = function_driver(dir, member.driver);
        if (r < 0)
                return function_is_gone(r) ? 0 : r;
        if (card->n_group_members >= GROUP_MEMBERS_MAX) {
                card->group_too_large = true;
                return 0;
        }
        card->group_members[card->n_group_members++] = member;
        return 0;
}

/* @dir is the folder of a function in that group. Members that are no PCI devices have no address: left out. */
static int card_add_group(const char *root, int dir, int32_t group, CardFacts *card) {
        _cleanup_(closedirp) DIR *folder = folder_open(dir, "iommu_group/devices");

        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *entry; (entry = readdir(folder));) {
                PciAddress address;
                if (address_parse(entry->d_name, &address) < 0 || card_part_at(card, address))
                        continue;
                int r = card_add_member(root, address, group, card);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool card_has_group_before(const CardFacts *card, size_t before) {
        for (size_t i = 0; i < before; i++)
                if (card_part_const(card, i)->iommu_group == card_part_const(card, before)->iommu_group)
                        return true;
        return false;
}

static int member_compare(const void *a, const void *b) {
        return address_compare(((const GroupMember *) a)->address, ((const GroupMember *) b)->address);
}

static int card_add_groups(const char *root, CardFacts *card) {
        for (size_t i = 0; i < card_n_parts(card); i++) {
                const FunctionFacts *function = card_part_const(card, i);
                if (function->iommu_group < 0 || card_has_group_before(card, i))
                        continue;
                _cleanup_close_ int dir = function_open(root, function->address);
                if (function_is_gone(dir))
                        continue;
                if (dir < 0)
                        return dir;
                int r = card_add_group(root, dir, function->iommu_group, card);
                if (r < 0)
                        return r;
        }
        qsort(card->group_members, card->n_group_members, sizeof(GroupMember), member_compare);
        return 0;
}

static int card_add_fellows(const char *root, const PciAddress *fellows, size_t n, CardFacts *card) {
        assert(n <= FELLOWS_MAX);
        for (size_t i = 0; i < n; i++) {
                int r = fellow_read(root, fellows[i], &card->fellows[card->n_fellows]);
                if (r == -ENODEV)
                        card->lost_fellows[card->n_lost_fellows++] = fellows[i];
                else if (r < 0)
                        return r;
                else
                        card->n_fellows++;
        }
        return 0;
}

/* Where in the machine it sits: "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0", without @root. */
static int card_slot_path(const char *root, PciAddress address, char ret_path[static PATH_TEXT_SIZE]) {
        char link[PATH_MAX], path[PATH_MAX], top[PATH_MAX] = "";

        if (text_format(link, sizeof(link), "%s/sys/bus/pci/devices/%s", root, ADDRESS_TEXT(address)) < 0)
                return -ENAMETOOLONG;
        if (!realpath(link, path) || (!isempty(root) && !realpath(root, top)))
                return -errno;
        const char *below = text_starts_with(path, top);
        return text_copy(ret_path, PATH_TEXT_SIZE, below ? below : path) < 0 ? -ENAMETOOLONG : 0;
}

/* amdgpu shows zeros, or no such attribute, for chips without one. */
static void card_unique_id(int dir, CardFacts *card) {
        if (!streq(card->functions[0].driver, "amdgpu"))
                return;
        if (attribute_read(dir, "unique_id", card->unique_id, sizeof(card->unique_id)) < 0 ||
            strspn(card->unique_id, "0") == strlen(card->unique_id))
                card->unique_id[0] = '\0';
        (void) text_make_printable(card->unique_id);
}

/* No such file where there is no reset at all. */
static bool card_has_own_reset(int dir) {
        char methods[256];

        return attribute_read(dir, "reset_method", methods, sizeof(methods)) >= 0 &&
               reset_method_offered(methods, "device_specific");
}

/* Fills @card, which is zeroed, from the slot whose function 0 is @address; its groups are still to come. */
static int card_fill(const char *root, PciAddress address, CardFacts *card) {
        _cleanup_close_ int dir = function_open(root, address);
        uint32_t class_code;

        if (dir < 0)
                return dir;
        int r = function_class(dir, &class_code);
        if (r < 0)
                return r;
        if (class_code >> 16 != PCI_BASE_CLASS_DISPLAY)
                return CARDS_E_NOT_A_CARD;
        r = function_read(dir, address, &card->functions[0]);
        if (r < 0)
                return r;
        card->n_functions = 1;
        card->device_specific_reset = card_has_own_reset(dir);
        card->module_guarded = guard_names_slot(root, address);
        r = card_slot_path(root, address, card->slot_path);
        if (r < 0)
                return r;
        /* A virtual function has no companions, and its unique_id changes when it migrates. */
        if (!function_is_virtual(dir)) {
                card_unique_id(dir, card);
                r = card_add_companions(root, address, card);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int card_build(const char *root, PciAddress address, const PciAddress *fellows, size_t n_fellows, CardFacts *ret_card) {
        memset(ret_card, 0, sizeof(*ret_card));
        int r = card_fill(root, address, ret_card);
        if (r == 0)
                r = card_add_fellows(root, fellows, n_fellows, ret_card);
        if (r == 0)
                r = card_add_groups(root, ret_card);
        return function_is_gone(r) ? CARDS_E_NOT_A_CARD : r;
}

static int card_compare(const void *a, const void *b) {
        return address_compare(((const CardFacts *) a)->functions[0].address,
                               ((const CardFacts *) b)->functions[0].address);
}

int cards_scan(const char *root, CardFacts **ret_cards, size_t *ret_n) {
        _cleanup_free_ CardFacts *cards = NULL;
        char path[PATH_MAX];
        size_t n = 0;

        if (text_format(path, sizeof(path), "%s/sys/bus/pci/devices", root) < 0)
                return -ENAMETOOLONG;
        _cleanup_(closedirp) DIR *folder = opendir(path);
        if (!folder)
                return -errno;
        for (struct dirent *entry; (errno = 0, entry = readdir(folder));) {
                PciAddress address;
                CardFacts card;
                if (address_parse(entry->d_name, &address) < 0 || address.function != 0)
                        continue;
                int r = card_build(root, address, NULL, 0, &card);
                if (r < 0)
                        return r;
                if (r == CARDS_E_NOT_A_CARD)
                        continue;
                if (n >= CARDS_MAX)
                        return -E2BIG;
                CardFacts *more = reallocarray(cards, n + 1, sizeof(CardFacts));
                if (!more)
                        return -ENOMEM;
                cards = more;
                cards[n++] = card;
        }
        if (errno != 0)
                return -errno;
        if (n > 0)
                qsort(cards, n, sizeof(CardFacts), card_compare);
        *ret_cards = TAKE_PTR(cards);
        *ret_n = n;
        return 0;
}

int cards_read_with(const char *root, PciAddress address, const PciAddress *fellows, size_t n_fellows, CardFacts *ret_card) {
        _cleanup_close_ int dir = function_open(root, address);
        PciAddress first = address;
        uint32_t class_code;
        CardFacts card;

        if (dir < 0)
                return function_is_gone(dir) ? -ENODEV : dir;
        first.function = 0;
        int r = card_build(root, first, fellows, n_fellows, &card);
        if (r < 0)
                return r;
        if (r == 0 && card_function(&card, address)) {
                *ret_card = card;
                return 0;
        }
        /* No function of a card, unless it went away meanwhile. */
        return function_is_gone(function_class(dir, &class_code)) ? -ENODEV : CARDS_E_NOT_A_CARD;
}

int cards_read(const char *root, PciAddress address, CardFacts *ret_card) {
        return cards_read_with(root, address, NULL, 0, ret_card);
}
