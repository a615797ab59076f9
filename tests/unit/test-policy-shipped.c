/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that are shipped: every card that they are meant for, and the rule that comes out. */

#include "check-main.h"

#include <dirent.h>
#include <json-c/json.h>

#include "base/text.h"
#include "policy-fixture.h"

#define SHIPPED TEST_SOURCE_DIR "/policy/quirks"

#define VI "vi-config"
#define VENDOR "vendor-reset"

/* Every family: all ids of its display functions, and what is meant for them. Resets by name, in order of preference; "?"
 * behind one: experimental, "-": not on the way to a guest. */
static const struct {
        const char *family;
        uint16_t vendor;
        const char *ids;
        BusResetWish bus_reset;
        const char *resets;
        KernelGuard kernel_guard;
        uint32_t guest_reboots; /* 0: unlimited */
        ResetState dirty_guest_end; /* 0: no change */
} families[] = {
        { "polaris10", 0x1002, "67c0 67c1 67c2 67c4 67c7 67c8 67c9 67ca 67cc 67cf 67d0 67d4 67d7 67df 6fdf",
          BUS_RESET_FORBIDDEN, .resets = VENDOR " " VI, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "polaris11", 0x1002, "67e0 67e1 67e3 67e7 67e8 67e9 67eb 67ef 67ff", BUS_RESET_FORBIDDEN, .resets = VENDOR " " VI, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "polaris12", 0x1002, "6980 6981 6985 6986 6987 698f 6995 6997 699f", BUS_RESET_FORBIDDEN, .resets = VENDOR " " VI, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "vega-m", 0x1002, "694c 694e 694f", BUS_RESET_FORBIDDEN, .resets = VI "?" },
        { "tonga", 0x1002, "6920 6921 6929 6930 6938 6939 693b", BUS_RESET_FORBIDDEN, .resets = VI "?" },
        { "firepro-w7100", 0x1002, "692b", BUS_RESET_FORBIDDEN, .resets = VI "?", .guest_reboots = 2 },
        { "tonga-vf", 0x1002, "692f", BUS_RESET_FORBIDDEN, .resets = "flr-" },
        { "fiji", 0x1002, "7300", BUS_RESET_FORBIDDEN, .resets = VI "?" },
        { "topaz", 0x1002, "6900 6901 6907", BUS_RESET_FORBIDDEN, .resets = VI "?" },
        { "bonaire", 0x1002, "6649 6650 6651 6658 665c 665d", BUS_RESET_FORBIDDEN, .resets = "ci-config-" },
        { "bonaire-other", 0x1002, "6646 664d 665f", BUS_RESET_FORBIDDEN, .resets = "ci-config" },
        { "bonaire-mobile", 0x1002, "6640 6641 6647", BUS_RESET_FORBIDDEN, .resets = "ci-config?" },
        { "hawaii", 0x1002, "67a0 67a1 67a2 67a8 67a9 67aa 67b0 67b1 67b8 67b9 67ba 67be", BUS_RESET_FORBIDDEN, .resets = "ci-config-" },
        { "vega10", 0x1002, "6860 6861 6862 6863 6864 6867 6868 6869 686a 686b 686c 686d 686e 686f 687f",
          BUS_RESET_FORBIDDEN, .resets = VENDOR, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "vega12", 0x1002, "69a0 69a1 69a2 69a3 69af", BUS_RESET_FORBIDDEN, .resets = "" },
        { "vega20", 0x1002, "66a0 66a1 66a2 66a3 66a4 66a7 66af", BUS_RESET_FORBIDDEN, .resets = VENDOR, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "arcturus", 0x1002, "738c", BUS_RESET_FORBIDDEN, .resets = VENDOR, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "navi10", 0x1002, "7310 7312 7318 7319 731a 731b 731e 731f", BUS_RESET_FORBIDDEN, .resets = VENDOR, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "navi12", 0x1002, "7360 7362", BUS_RESET_FORBIDDEN, .resets = VENDOR, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "navi14", 0x1002, "7340 7341 7347 734f", BUS_RESET_FORBIDDEN, .resets = VENDOR, .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "navi21", 0x1002, "73a1 73a2 73a3 73a5 73ab 73af 73bf", BUS_RESET_WANTED, .resets = "" },
        { "navi21-vf", 0x1002, "73ae", BUS_RESET_FORBIDDEN, .resets = "flr-" },
        { "navi22", 0x1002, "73c3 73df", BUS_RESET_WANTED, .resets = "" },
        { "navi22-vf", 0x1002, "73ce", BUS_RESET_FORBIDDEN, .resets = "flr-" },
        { "navi23", 0x1002, "73e0 73e1 73e3 73ef 73ff", BUS_RESET_WANTED, .resets = "" },
        { "navi24", 0x1002, "7421 7422 7423 7424 743f", BUS_RESET_WANTED, .resets = "" },
        { "navi31", 0x1002, "7448 7449 744a 744b 744c 745e", BUS_RESET_WANTED, .resets = "" },
        { "navi32", 0x1002, "7460 7461 7470 747e", BUS_RESET_FORBIDDEN, .resets = VENDOR "?", .kernel_guard = KERNEL_GUARD_VENDOR_RESET },
        { "navi33", 0x1002, "73f0 7480 7481 7483 7487 7489 748b 7499 749f", BUS_RESET_WANTED, .resets = "" },
        { "navi44", 0x1002, "7590", BUS_RESET_FORBIDDEN, .resets = "", .dirty_guest_end = RESET_STATE_UNKNOWN },
        { "navi48", 0x1002, "7550 7551", BUS_RESET_FORBIDDEN, .resets = "", .dirty_guest_end = RESET_STATE_UNKNOWN },
        { "amd-apu", 0x1002, "1681 15bf 1900 150e 1586", BUS_RESET_FORBIDDEN, .resets = "", .dirty_guest_end = RESET_STATE_UNKNOWN },
        { "nvidia-datacenter", 0x10de, "2340 2342 235f 237f", BUS_RESET_FORBIDDEN, .resets = "flr-", .kernel_guard = KERNEL_GUARD_ALWAYS },
        { "nvidia", 0x10de, "2484 1b80 233f 2380", BUS_RESET_WANTED, .resets = "" },
        { "intel", 0x8086, "56a0 1912 46a6", BUS_RESET_WANTED, .resets = "flr-" },
        { "generic", 0x1002, "7301 730f 738e 9999", BUS_RESET_WANTED, .resets = "" },
        { "generic", 0x102b, "67df 0522", BUS_RESET_WANTED, .resets = "" },
};

static Policy *load_shipped(void) {
        Policy *policy = NULL;

        ck_assert_int_eq(policy_load(&(PolicyDirs){ .quirks_vendor = SHIPPED }, &policy), 0);
        for (size_t i = 0; policy_problem(policy, i); i++)
                ck_abort_msg("%s: %s: %s", policy_problem(policy, i)->file, policy_problem(policy, i)->where,
                             policy_problem(policy, i)->text);
        return policy;
}

static const char *resets_text(const Rule *rule, char *buffer, size_t size) {
        buffer[0] = '\0';
        for (size_t i = 0; i < RECIPES_MAX && rule->recipes[i].n_steps > 0; i++)
                ck_assert_int_eq(text_append(buffer, size, "%s%s%s%s", i ? " " : "", rule->recipes[i].name,
                                             rule->recipes[i].experimental ? "?" : "",
                                             rule->recipes[i].before_guest ? "" : "-"), 0);
        return buffer;
}

static void check_row(const Policy *policy, size_t row) {
        char resets[128], id[5] = "";
        uint64_t device;

        for (const char *at = families[row].ids; *at; at += at[4] == ' ' ? 5 : 4) {
                memcpy(id, at, 4);
                ck_assert_int_eq(text_to_uint64(id, 16, &device), 0);
                Rule rule = fixture_rule(policy, "0000:01:00.0", families[row].vendor, (uint16_t) device);
                ck_assert_msg(streq(rule.family, families[row].family), "%s is %s", id, rule.family);
                ck_assert_msg(rule.bus_reset == families[row].bus_reset, "%s", id);
                ck_assert_str_eq(resets_text(&rule, resets, sizeof(resets)), families[row].resets);
                ck_assert_msg(rule.kernel_guard == families[row].kernel_guard, "%s", id);
                ck_assert_uint_eq(rule.guest_reboots, families[row].guest_reboots ?: GUEST_REBOOTS_UNLIMITED);
                ck_assert_int_eq(rule.state.dirty_guest_end, families[row].dirty_guest_end ?: _RESET_STATE_INVALID);
                ck_assert(rule.automatic && !rule.allow_holders && !rule.allow_experimental && !rule.configuration_broken);
        }
}

START_TEST(every_family) {
        Policy *policy = load_shipped();

        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                check_row(policy, i);
        policy_free(policy);
}
END_TEST

static size_t n_ids(uint16_t vendor) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                if (families[i].vendor == vendor && !streq(families[i].family, "generic"))
                        n += (strlen(families[i].ids) + 1) / 5;
        return n;
}

/* All 65536 devices of each vendor: the lists above are all that is not generic. */
START_TEST(no_other_id_is_meant) {
        Policy *policy = load_shipped();
        size_t n_amd = 0, n_datacenter = 0;

        for (uint32_t id = 0; id <= UINT16_MAX; id++) {
                n_amd += !streq(fixture_rule(policy, "0000:01:00.0", 0x1002, (uint16_t) id).family, "generic");
                bool is_datacenter =
                        streq(fixture_rule(policy, "0000:01:00.0", 0x10de, (uint16_t) id).family, "nvidia-datacenter");
                ck_assert_int_eq(is_datacenter, (id & 0xffc0) == 0x2340);
                n_datacenter += is_datacenter;
        }
        ck_assert_uint_eq(n_amd, n_ids(0x1002));
        ck_assert_uint_eq(n_datacenter, 64);
        policy_free(policy);
}
END_TEST

static void check_word(const RecipeStep *step, RecipeVerb verb, uint32_t mask, uint32_t value) {
        ck_assert_int_eq(step->verb, verb);
        ck_assert_uint_eq(step->mask, mask);
        ck_assert_uint_eq(step->value, value);
}

static void check_register(const RecipeStep *step, RecipeVerb verb, uint16_t index, uint32_t address, bool optional) {
        ck_assert_int_eq(step->verb, verb);
        ck_assert_uint_eq(step->place.bar, 5);
        ck_assert_uint_eq(step->place.index_offset, index);
        ck_assert_uint_eq(step->place.data_offset, index ? index + 4 : 0);
        ck_assert_uint_eq(step->place.address, address);
        ck_assert_int_eq(step->optional, optional);
}

/* What both have in common up to the write, and from it on. */
static void check_config_reset(const Recipe *recipe, size_t write, uint16_t index, bool optional) {
        const RecipeStep *steps = recipe->steps;

        ck_assert(recipe->needs_guard);
        ck_assert_int_eq(steps[0].verb, RECIPE_SAVE_CONFIG);
        check_word(&steps[1], RECIPE_WRITE_CONFIG, 0x7, 0x2);
        ck_assert_uint_eq(steps[1].offset, 0x4);
        check_register(&steps[2], RECIPE_CHECK_REGISTER, index, 0x80000004, optional);
        check_word(&steps[2], RECIPE_CHECK_REGISTER, 0x1, 0);
        ck_assert_int_eq(steps[2].test, REGISTER_EQUALS);
        check_register(&steps[3], RECIPE_CHECK_REGISTER, index, 0x80000370, optional);
        check_word(&steps[3], RECIPE_CHECK_REGISTER, UINT32_MAX, 0x20100);
        ck_assert_int_eq(steps[3].test, REGISTER_AT_LEAST);
        check_word(&steps[write], RECIPE_WRITE_CONFIG, UINT32_MAX, 0x39d5e86b);
        ck_assert_uint_eq(steps[write].offset, 0x7c);
        ck_assert_int_eq(steps[write + 1].verb, RECIPE_DELAY);
        ck_assert_uint_eq(steps[write + 1].delay_usec, 100);
        ck_assert_int_eq(steps[write + 2].verb, RECIPE_RESTORE_CONFIG);
        check_word(&steps[write + 3], RECIPE_WRITE_CONFIG, 0x7, 0x2);
        check_register(&steps[write + 4], RECIPE_POLL_REGISTER, 0, 0x5428, optional);
        ck_assert_int_eq(steps[write + 4].test, REGISTER_DIFFERS);
        ck_assert_uint_eq(steps[write + 4].value, UINT32_MAX);
        check_register(&steps[write + 5], RECIPE_POLL_REGISTER, 0, 0x5428, optional);
        ck_assert_int_eq(steps[write + 5].test, REGISTER_AT_LEAST);
        ck_assert_int_eq(steps[recipe->n_steps - 2].verb, RECIPE_RESTORE_CONFIG);
        ck_assert_int_eq(steps[recipe->n_steps - 1].verb, RECIPE_VERIFY);
}

static void check_vendor_reset(const Recipe *recipe) {
        static const RecipeVerb verbs[] = { RECIPE_SAVE_CONFIG, RECIPE_VENDOR_RESET, RECIPE_RESTORE_CONFIG, RECIPE_VERIFY };

        ck_assert(recipe->needs_guard);
        ck_assert_uint_eq(recipe->n_steps, ELEMENTSOF(verbs));
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                ck_assert_int_eq(recipe->steps[i].verb, verbs[i]);
}

START_TEST(steps_of_volcanic_islands) {
        static const uint16_t others[] = { 0x6938, 0x692b, 0x7300, 0x6900, 0x694c };
        Policy *policy = load_shipped();
        Rule rule = fixture_rule(policy, "0000:01:00.0", 0x1002, 0x67df);

        check_vendor_reset(&rule.recipes[0]);
        ck_assert_str_eq(rule.recipes[0].after_driver, "amdgpu");
        check_config_reset(&rule.recipes[1], 4, 0x6b0, true);
        ck_assert_str_eq(rule.recipes[1].after_driver, "amdgpu");
        ck_assert_uint_eq(rule.recipes[1].n_steps, 12);
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                rule = fixture_rule(policy, "0000:01:00.0", 0x1002, others[i]);
                check_config_reset(&rule.recipes[0], 4, 0x6b0, false);
                ck_assert_uint_eq(rule.recipes[0].n_steps, 12);
        }
        policy_free(policy);
}
END_TEST

START_TEST(steps_of_sea_islands) {
        static const uint16_t ids[] = { 0x6658, 0x665f, 0x6640, 0x67b0 };
        Policy *policy = load_shipped();

        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                Recipe recipe = fixture_rule(policy, "0000:01:00.0", 0x1002, ids[i]).recipes[0];
                const RecipeStep *graphics_only = &recipe.steps[4];
                check_config_reset(&recipe, 5, 0x200, false);
                ck_assert_uint_eq(recipe.n_steps, 16);
                ck_assert_str_eq(recipe.after_driver, "");
                check_register(graphics_only, RECIPE_DIFFER_REGISTER, 0x200, 0xc0000010, false);
                ck_assert(graphics_only->mask == 0x2 && graphics_only->other_mask == 0x40);
                ck_assert_uint_eq(graphics_only->other.address, 0xc00c0000);
                check_register(&recipe.steps[11], RECIPE_WRITE_REGISTER, 0x200, 0x80000000, false);
                check_word(&recipe.steps[11], RECIPE_WRITE_REGISTER, 0x1, 0x1);
                check_register(&recipe.steps[12], RECIPE_WRITE_REGISTER, 0x200, 0x80000004, false);
                check_word(&recipe.steps[13], RECIPE_WRITE_CONFIG, 0x7, 0x0);
        }
        policy_free(policy);
}
END_TEST

START_TEST(states_of_polaris) {
        static const uint16_t polaris[] = { 0x67df, 0x67ef, 0x699f };
        Policy *policy = load_shipped();

        for (size_t i = 0; i < ELEMENTSOF(polaris); i++) {
                Rule rule = fixture_rule(policy, "0000:01:00.0", 0x1002, polaris[i]);
                ck_assert_int_eq(rule.state.touched_host_bind, RESET_STATE_PREFAIL);
                ck_assert_int_eq(rule.state.prefail_bus_reset, RESET_STATE_FAILED);
                ck_assert_int_eq(rule.state.recipe_ok, RESET_STATE_PREFAIL);
                ck_assert(rule.state.reset_line_is_prefail);
        }
        policy_free(policy);
}
END_TEST

static void check_generic(const Rule *rule) {
        ck_assert_str_eq(rule->family, "generic");
        ck_assert_int_eq(rule->bus_reset, BUS_RESET_WANTED);
        ck_assert_int_eq(rule->state.touched_host_bind, RESET_STATE_TOUCHED);
        ck_assert_int_eq(rule->state.prefail_bus_reset, RESET_STATE_FAILED);
        ck_assert_int_eq(rule->state.recipe_ok, _RESET_STATE_INVALID);
        ck_assert(!rule->state.reset_line_is_prefail);
        ck_assert_uint_eq(rule->recipes[0].n_steps, 0);
        ck_assert(rule->automatic);
}

START_TEST(generic_is_the_same_with_and_without_its_file) {
        Policy *policy = load_shipped(), *empty = NULL;
        CardFacts card = fixture_card("0000:01:00.0", 0x102b, 0x0522);
        Rule from_file, built_in;

        ck_assert_int_eq(policy_load(&(PolicyDirs){ .quirks_vendor = "/does/not/exist" }, &empty), 0);
        policy_rule(policy, &card, &from_file);
        policy_rule(empty, &card, &built_in);
        check_generic(&from_file);
        check_generic(&built_in);
        ck_assert_str_eq(policy_origin(policy, &card, "bus_reset"), SHIPPED "/00-generic.json");
        ck_assert_str_eq(policy_origin(empty, &card, "bus_reset"), "built-in");
        policy_free(policy);
        policy_free(empty);
}
END_TEST

/* The loader asks a source of each value; of what is shipped, also of each list of ids, how sure it is, and names. */
static void check_families_of(const char *path) {
        json_object *root = json_object_from_file(path), *list = NULL, *value = NULL;

        ck_assert_msg(root, "%s: %s", path, json_util_get_last_err());
        ck_assert(json_object_object_get_ex(root, "families", &list));
        ck_assert(json_object_array_length(list) > 0 || json_object_object_get_ex(root, "devices", NULL));
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *family = json_object_array_get_idx(list, i), *resets = NULL;
                bool is_generic = strstr(path, "/00-generic.json") != NULL;
                ck_assert(json_object_object_get_ex(family, "source", NULL));
                ck_assert_msg(is_generic || json_object_object_get_ex(family, "confidence", NULL), "%s: family %zu", path, i);
                if (!json_object_object_get_ex(family, "reset", &resets))
                        continue;
                bool is_list = json_object_is_type(resets, json_type_array);
                for (size_t k = 0; k < (is_list ? json_object_array_length(resets) : 1); k++) {
                        json_object *reset = is_list ? json_object_array_get_idx(resets, k) : resets;
                        bool recovers = json_object_object_get_ex(reset, "recovery", &value) && json_object_get_boolean(value);
                        ck_assert_msg(recovers || json_object_object_get_ex(reset, "name", &value), "%s: family %zu", path, i);
                        ck_assert_msg(json_object_object_get_ex(reset, "confidence", &value), "%s: family %zu", path, i);
                        /* What is only inferred does not run by itself. */
                        if (!recovers && streq(json_object_get_string(value), "low"))
                                ck_assert(json_object_object_get_ex(reset, "experimental", &value) &&
                                          json_object_get_boolean(value));
                }
        }
        json_object_put(root);
}

START_TEST(every_family_says_how_sure_it_is) {
        DIR *dir = opendir(SHIPPED);
        char path[512];
        size_t n = 0;

        ck_assert_ptr_nonnull(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), SHIPPED "/%s", entry->d_name);
                check_families_of(path);
                n++;
        }
        closedir(dir);
        ck_assert_uint_eq(n, 10);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-shipped");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, every_family);
        tcase_add_test(tcase, no_other_id_is_meant);
        tcase_add_test(tcase, steps_of_volcanic_islands);
        tcase_add_test(tcase, steps_of_sea_islands);
        tcase_add_test(tcase, states_of_polaris);
        tcase_add_test(tcase, generic_is_the_same_with_and_without_its_file);
        tcase_add_test(tcase, every_family_says_how_sure_it_is);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
