/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Three folders of configuration in a folder of their own, which goes away with the test. */

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "policy/policy.h"

#define POLARIS_FILE TEST_SOURCE_DIR "/policy/quirks/10-amd-polaris.json"

typedef struct Fixture {
        char root[64];
        char vendor[96], admin[96], policy[96];
        PolicyDirs dirs;
        Policy *loaded;
} Fixture;

static inline void fixture_init(Fixture *f) {
        *f = (Fixture){ .root = "/tmp/gpuswitch-policy-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(f->root));
        snprintf(f->vendor, sizeof(f->vendor), "%s/vendor", f->root);
        snprintf(f->admin, sizeof(f->admin), "%s/admin", f->root);
        snprintf(f->policy, sizeof(f->policy), "%s/policy", f->root);
        ck_assert_int_eq(mkdir(f->vendor, 0755), 0);
        ck_assert_int_eq(mkdir(f->admin, 0755), 0);
        ck_assert_int_eq(mkdir(f->policy, 0755), 0);
        f->dirs = (PolicyDirs){ .quirks_vendor = f->vendor, .quirks_admin = f->admin, .policy = f->policy };
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static inline void fixture_done(Fixture *f) {
        policy_free(f->loaded);
        ck_assert_int_eq(nftw(f->root, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline const char *fixture_path(const char *folder, const char *name) {
        static char path[512];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

static inline void fixture_write_bytes(const char *folder, const char *name, const void *bytes, size_t size) {
        FILE *file = fopen(fixture_path(folder, name), "we");

        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
        ck_assert_int_eq(fclose(file), 0);
}

static inline void fixture_write(const char *folder, const char *name, const char *text) {
        fixture_write_bytes(folder, name, text, strlen(text));
}

/* Loads (again), and gives the policy, which the fixture keeps. */
static inline const Policy *fixture_load(Fixture *f) {
        f->loaded = policy_free(f->loaded);
        ck_assert_int_eq(policy_load(&f->dirs, &f->loaded), 0);
        return f->loaded;
}

/* A card with its display function and a companion, at @address. */
static inline CardFacts fixture_card(const char *address, uint16_t vendor, uint16_t device) {
        CardFacts card = { .n_functions = 2 };

        ck_assert_int_eq(address_parse(address, &card.functions[0].address), 0);
        card.functions[1].address = card.functions[0].address;
        card.functions[1].address.function = 1;
        card.functions[0].vendor_id = card.functions[1].vendor_id = vendor;
        card.functions[0].device_id = device;
        card.functions[1].device_id = 0xaaf0;
        card.functions[0].role = FUNCTION_ROLE_DISPLAY;
        card.functions[1].role = FUNCTION_ROLE_AUDIO;
        return card;
}

static inline Rule fixture_rule(const Policy *policy, const char *address, uint16_t vendor, uint16_t device) {
        CardFacts card = fixture_card(address, vendor, device);
        Rule rule;

        policy_rule(policy, &card, &rule);
        return rule;
}

/* A whole quirk file with one family; @bus_reset: "wanted", "forbidden". */
static inline const char *one_family(const char *family, const char *match, const char *bus_reset) {
        static char text[1024];

        snprintf(text, sizeof(text),
                 "{\"version\":1,\"families\":[{\"family\":\"%s\",\"match\":[%s],"
                 "\"bus_reset\":{\"value\":\"%s\",\"source\":\"a test\"}}]}",
                 family, match, bus_reset);
        return text;
}

/* A whole policy file with one card; @match as it stands in the file. */
static inline const char *one_card(const char *match, const char *rest) {
        static char text[1024];

        snprintf(text, sizeof(text), "{\"version\":1,\"cards\":[{\"match\":%s,%s}]}", match, rest);
        return text;
}
