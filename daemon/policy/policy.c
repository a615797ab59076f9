/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading. Quirk files of both folders are one sequence in order of their names, in which a file of
 * the administrator stands in the place of the vendor's of the same name. If the administrator's is
 * refused, the vendor's is read after all: a slip in /etc must not make a card that a bus reset kills
 * look like any other. But no reset is run of a card that a refused file means (contest.h).
 */

#include "policy/policy.h"

#include "base/text.h"
#include "policy/check.h"
#include "policy/contest.h"
#include "policy/document.h"
#include "policy/folder.h"
#include "policy/quirks.h"
#include "policy/wishes.h"

#define _cleanup_folder_ _cleanup_(folder_done)

static int read_document(Policy *policy, Report *report, KeyObject kind, json_object *root) {
        int r = check_object(report, &(Place){ 0 }, kind, root);

        if (r == 0)
                r = kind == OBJECT_QUIRKS_FILE ? quirks_read(policy, report, root) : wishes_read(policy, report, root);
        if (r == POLICY_E_REFUSED && kind == OBJECT_QUIRKS_FILE && contests_keep(policy, report, root) < 0)
                return -ENOMEM;
        return r;
}

/* Return: 0, also for an empty file; POLICY_E_REFUSED; -ENOENT: it has just gone; -ENOMEM. */
static int load_file(Policy *policy, const FolderFile *file, KeyObject kind, PolicyRank rank) {
        Report report = { .problems = &policy->problems, .file = file->path, .rank = rank };
        _cleanup_free_ char *text = NULL;
        _cleanup_document_ Document document = { 0 };
        size_t size = 0;

        int r = folder_read(file, &report, &text, &size);
        if (r != 0 || size == 0)
                return r;
        r = document_parse(text, size, &report, &document);
        return r == 0 ? read_document(policy, &report, kind, document.root) : r;
}

/* @admin, @vendor: the files of one name; one of them may be NULL */
static int load_quirks_file(Policy *policy, const FolderFile *admin, const FolderFile *vendor) {
        int r = admin ? load_file(policy, admin, OBJECT_QUIRKS_FILE, POLICY_RANK_ADMIN) : -ENOENT;

        if ((r == POLICY_E_REFUSED || r == -ENOENT) && vendor)
                r = load_file(policy, vendor, OBJECT_QUIRKS_FILE, POLICY_RANK_VENDOR);
        return r == -ENOMEM ? r : 0;
}

static int load_quirks(Policy *policy, const PolicyDirs *dirs) {
        _cleanup_folder_ Folder vendor = { 0 }, admin = { 0 };
        size_t v = 0, a = 0;

        int r = folder_list(dirs->quirks_vendor, &policy->problems, &vendor);
        if (r == 0)
                r = folder_list(dirs->quirks_admin, &policy->problems, &admin);
        while (r == 0 && (v < vendor.n_files || a < admin.n_files)) {
                int order = v >= vendor.n_files  ? 1
                            : a >= admin.n_files ? -1
                                                 : strcmp(vendor.files[v].name, admin.files[a].name);
                const FolderFile *from_vendor = order <= 0 ? &vendor.files[v++] : NULL;
                const FolderFile *from_admin = order >= 0 ? &admin.files[a++] : NULL;
                r = load_quirks_file(policy, from_admin, from_vendor);
        }
        return r;
}

/* Of one of both kinds: by the one key that only one of them has. */
static KeyObject kind_of(json_object *root) {
        return json_object_object_get_ex(root, "cards", NULL) ? OBJECT_POLICY_FILE : OBJECT_QUIRKS_FILE;
}

int policy_check(const char *path, Policy **ret_policy) {
        _cleanup_(policy_freep) Policy *policy = calloc(1, sizeof(*policy));
        _cleanup_free_ char *text = NULL;
        _cleanup_document_ Document document = { 0 };
        FolderFile file = { 0 };
        size_t size = 0;

        if (!policy)
                return -ENOMEM;
        policy->problems.per_file = PROBLEMS_MAX;
        Report report = { .problems = &policy->problems, .file = path };
        int r = text_copy(file.path, sizeof(file.path), path);
        if (r < 0)
                r = report_syntax(&report, 0, "its path is too long");
        else
                r = folder_read(&file, &report, &text, &size);
        if (r == -ENOENT)
                r = report_syntax(&report, 0, "there is no such file");
        if (r == 0 && size > 0)
                r = document_parse(text, size, &report, &document);
        if (r == 0 && size > 0)
                r = read_document(policy, &report, kind_of(document.root), document.root);
        if (r == -ENOMEM)
                return r;
        *ret_policy = TAKE_PTR(policy);
        return 0;
}

static int load_wishes(Policy *policy, const PolicyDirs *dirs) {
        _cleanup_folder_ Folder folder = { 0 };

        int r = folder_list(dirs->policy, &policy->problems, &folder);
        for (size_t i = 0; i < folder.n_files && r != -ENOMEM; i++)
                r = load_file(policy, &folder.files[i], OBJECT_POLICY_FILE, POLICY_RANK_ADMIN);
        return r == -ENOMEM ? r : 0;
}

int policy_load(const PolicyDirs *dirs, Policy **ret_policy) {
        _cleanup_(policy_freep) Policy *policy = calloc(1, sizeof(*policy));

        if (!policy)
                return -ENOMEM;
        int r = load_quirks(policy, dirs);
        if (r == 0)
                r = load_wishes(policy, dirs);
        if (r < 0)
                return r;
        *ret_policy = TAKE_PTR(policy);
        return 0;
}

Policy *policy_free(Policy *policy) {
        if (!policy)
                return NULL;
        for (size_t i = 0; i < policy->n_advice; i++)
                json_object_put(policy->advice[i].object);
        free(policy->advice);
        for (size_t i = 0; i < policy->n_devices; i++)
                json_object_put(policy->devices[i].object);
        free(policy->devices);
        free(policy->families);
        free(policy->contests);
        free(policy->cards);
        free(policy);
        return NULL;
}

const PolicyProblem *policy_problem(const Policy *policy, size_t index) {
        return index < policy->problems.n ? &policy->problems.list[index] : NULL;
}

bool policy_family(const Policy *policy, size_t index, PolicyFamily *ret_family) {
        if (index >= policy->n_families)
                return false;
        const Family *family = &policy->families[index];
        *ret_family = (PolicyFamily){
                .name = family->name,
                .file = family->origin,
                .line = family->line,
                .confidence = family->confidence,
                .bus_reset = family->bus_reset,
                .recipes = family->recipes,
                .recovery = family->recovery,
                .n_ids = family->n_matches,
        };
        return true;
}

const char *policy_family_id(const Policy *policy, size_t index, size_t id, char *buffer, size_t size) {
        return match_text(&policy->families[index].matches[id], buffer, size);
}
