/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check-main.h"

#include "base/text.h"
#include "client/gpu.h"
#include "client/json.h"

static char why[MESSAGE_TEXT_SIZE];

static int init(Gpu *gpu, const char *json) {
        json_object *properties = json_tokener_parse(json);

        ck_assert_ptr_nonnull(properties);
        return gpu_init(gpu, "/p", properties);
}

static void add(GpuList *list, const char *address, const char *name) {
        char json[512];

        snprintf(json, sizeof(json), "{\"name\":\"%s\",\"address\":\"%s\"}", name, address);
        ck_assert_int_eq(init(&list->gpus[list->n_gpus], json), 0);
        list->n_gpus++;
}

static int resolve(const GpuList *list, const char *argument, const Gpu **ret_gpu) {
        why[0] = '\0';
        *ret_gpu = NULL;
        return gpu_resolve(list, argument, ret_gpu, why, sizeof(why));
}

START_TEST(resolves_addresses_and_names) {
        GpuList list = { 0 };
        const Gpu *gpu;

        add(&list, "0000:01:00.0", "big");
        add(&list, "0000:02:00.0", "same");
        add(&list, "10000:01:00.0", "same");
        add(&list, "0000:03:00.0", "");
        static const struct {
                const char *argument;
                int index;
        } good[] = {
                { "0000:01:00.0", 0 }, { "01:00.0", 0 },       { "big", 0 },
                { "02:00.0", 1 },      { "10000:01:00.0", 2 },
        };
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                ck_assert_int_eq(resolve(&list, good[i].argument, &gpu), 0);
                ck_assert_ptr_eq(gpu, &list.gpus[good[i].index]);
        }
        static const struct {
                const char *argument;
                int error;
                const char *says;
        } bad[] = {
                { "05:00.0", -ENOENT,
                  "no GPU 0000:05:00.0\nThere are: 0000:01:00.0 (big), 0000:02:00.0 (same)" },
                { "0001:01:00.0", -ENOENT, "no GPU 0001:01:00.0\nThere are" },
                { "01:00.1", -ENOENT, "no GPU 0000:01:00.1: the GPU in this slot is 0000:01:00.0" },
                { "BIG", -ENOENT, "no GPU 'BIG'\nThere are" },
                { "", -ENOENT, "no GPU ''" },
                { "same", -ENOTUNIQ, "more than one GPU is called 'same'" },
                { "01:00", -ENOENT, "no GPU '01:00'" },
        };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                ck_assert_int_eq(resolve(&list, bad[i].argument, &gpu), bad[i].error);
                ck_assert_ptr_null(gpu);
                ck_assert_msg(text_starts_with(why, bad[i].says) != NULL, "'%s' is no '%s'", why,
                              bad[i].says);
        }
        gpu_list_done(&list);
        ck_assert_int_eq(resolve(&list, "big", &gpu), -ENOENT);
        ck_assert_ptr_nonnull(strstr(why, "This machine has no GPU"));
}
END_TEST

START_TEST(tidies_empty_values) {
        Gpu gpu;

        ck_assert_int_eq(init(&gpu,
                              "{\"zeal\":1,\"operation\":{},\"domain\":{},\"iommu_group\":-1,\"stuck\":true,"
                              "\"reboots_left\":-1,"
                              "\"functions\":[{\"address\":\"a\",\"driver\":\"\"},{\"driver\":\"x\"}],"
                              "\"address\":\"0000:01:00.0\"}"),
                         0);
        ck_assert_str_eq(
                json_object_to_json_string_ext(gpu.json, JSON_C_TO_STRING_PLAIN),
                "{\"address\":\"0000:01:00.0\",\"stuck\":true,\"iommu_group\":null,\"domain\":null,"
                "\"operation\":null,\"functions\":[{\"address\":\"a\",\"driver\":null},{\"driver\":\"x\"}],"
                "\"zeal\":1,\"reboots_left\":null}");
        ck_assert(gpu.stuck);
        ck_assert_int_eq(gpu.iommu_group, -1);
        ck_assert_ptr_null(gpu.operation);
        ck_assert_uint_eq(gpu.n_functions, 2);
        ck_assert_str_eq(gpu.functions[0].driver, "");
        ck_assert_str_eq(gpu.functions[1].driver, "x");
        ck_assert_str_eq(gpu.domain_name, "");
        ck_assert_str_eq(gpu.owner, "");
        ck_assert_str_eq(gpu.reboots, "");
        gpu_done(&gpu);
}
END_TEST

START_TEST(shows_reboots) {
        Gpu gpu;

        ck_assert_int_eq(init(&gpu, "{\"address\":\"0000:01:00.0\",\"reboots_left\":0,\"reboots\":\"none of 2 left\"}"),
                         0);
        ck_assert_str_eq(json_object_to_json_string_ext(gpu.json, JSON_C_TO_STRING_PLAIN),
                         "{\"address\":\"0000:01:00.0\",\"reboots_left\":0,\"reboots\":\"none of 2 left\"}");
        ck_assert_str_eq(gpu.reboots, "none of 2 left");
        gpu_done(&gpu);
}
END_TEST

/* Another version of the daemon, or something that only has its name. */
START_TEST(refuses_what_is_no_card) {
        static const char *const bad[] = {
                "{}",
                "{\"address\":1}",
                "{\"address\":\"somewhere\"}",
                "{\"address\":\"0000:01:00.0\",\"functions\":[{},{},{},{},{},{},{},{},{}]}",
        };
        Gpu gpu;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_int_eq(init(&gpu, bad[i]), -EBADMSG);
        /* Values of unexpected types are as good as missing. */
        ck_assert_int_eq(init(&gpu, "{\"address\":\"01:00.0\",\"owner\":7,\"stuck\":\"yes\",\"functions\":{},"
                                    "\"domain\":[],\"operation\":3,\"name\":null}"),
                         0);
        ck_assert_str_eq(gpu.owner, "");
        ck_assert(!gpu.stuck);
        ck_assert_uint_eq(gpu.n_functions, 0);
        ck_assert_ptr_null(gpu.operation);
        gpu_done(&gpu);
}
END_TEST

START_TEST(removes_from_the_middle) {
        GpuList list = { 0 };

        add(&list, "0000:01:00.0", "a");
        add(&list, "0000:02:00.0", "b");
        add(&list, "0000:03:00.0", "c");
        free(list.gpus[1].path);
        list.gpus[1].path = strdup("/q");
        ck_assert(!gpu_list_remove(&list, "/r"));
        ck_assert(gpu_list_remove(&list, "/q"));
        ck_assert_uint_eq(list.n_gpus, 2);
        ck_assert_str_eq(list.gpus[0].name, "a");
        ck_assert_str_eq(list.gpus[1].name, "c");
        ck_assert_ptr_null(gpu_list_find(&list, "/q"));
        gpu_list_done(&list);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-gpu");
        TCase *c = tcase_create("gpu");

        tcase_add_test(c, resolves_addresses_and_names);
        tcase_add_test(c, tidies_empty_values);
        tcase_add_test(c, shows_reboots);
        tcase_add_test(c, refuses_what_is_no_card);
        tcase_add_test(c, removes_from_the_middle);
        suite_add_tcase(s, c);
        return s;
}

CHECK_MAIN(suite)
