/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading. Quirk files of both folders are one sequence in order of their names, in which a file of
 * the administrator stands in the place of the vendor's of the same name. If the administrator's is
 * refused, the vendor's is read after all: a slip in /etc must not make a card that a bus reset kills
 * look like any other. But no reset is run of a card that a refused file means (contest.h).
 */

#include "policy/policy.h"

#include <string.h>
#include <sys/stat.h>

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

/* Of one of both kinds: by the one key that only one of them has. */
static KeyObject kind_of(json_object *root) {
        return json_object_object_get_ex(root, "cards", NULL) ? OBJECT_POLICY_FILE : OBJECT_QUIRKS_FILE;
}

/* @kind: OBJECT_NONE: whatever it is. Return: 0, also for an empty file; POLICY_E_REFUSED; -ENOENT: it has just gone; -ENOMEM. */
static int load_file(Policy *policy, const FolderFile *file, KeyObject kind, PolicyRank rank) {
        Report report = { .problems = &policy->problems, .file = file->path, .rank = rank };
        _cleanup_free_ char *text = NULL;
        _cleanup_document_ Document document = { 0 };
        size_t size = 0;

        int r = folder_read(file, &report, &text, &size);
        if (r != 0 || size == 0)
                return r;
        r = document_parse(text, size, &report, &document);
        if (r == 0 && kind == OBJECT_NONE)
                kind = kind_of(document.root);
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

static bool is_same_file(const char *a, const char *b) {
        struct stat one, other;

        return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Which of the folders the file is in; NULL: none. */
static const char *folder_of(const char *path, const PolicyDirs *dirs) {
        const char *const folders[] = { dirs->quirks_vendor, dirs->quirks_admin, dirs->policy };
        char parent[PATH_TEXT_SIZE];

        if (text_copy(parent, sizeof(parent), path) < 0)
                return NULL;
        char *slash = strrchr(parent, '/');
        if (slash)
                slash[slash == parent] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                if (folders[i] && is_same_file(slash ? parent : ".", folders[i]))
                        return folders[i];
        return NULL;
}

/* Reads what @path will be in force with. Return: 0, or -ENOMEM. */
static int load_others(Policy *policy, const char *path, const char *own, KeyObject kind, const PolicyDirs *dirs,
                       char *const *beside) {
        _cleanup_folder_ Folder folder = { 0 };

        int r = folder_list(own, &policy->problems, &folder);
        for (size_t i = 0; i < folder.n_files && r != -ENOMEM; i++)
                if (!is_same_file(folder.files[i].path, path))
                        r = load_file(policy, &folder.files[i], kind, POLICY_RANK_ADMIN);
        for (; !own && beside && *beside && r != -ENOMEM; beside++) {
                FolderFile file = { 0 };
                if (!folder_of(*beside, dirs) && !is_same_file(*beside, path) &&
                    text_copy(file.path, sizeof(file.path), *beside) == 0)
                        r = load_file(policy, &file, kind, POLICY_RANK_ADMIN);
        }
        return r == -ENOMEM ? r : 0;
}

int policy_check(const char *path, const PolicyDirs *dirs, char *const *beside, Policy **ret_policy) {
        _cleanup_(policy_freep) Policy *policy = calloc(1, sizeof(*policy));
        const char *own = folder_of(path, dirs);
        KeyObject kind = !own ? OBJECT_NONE : own == dirs->policy ? OBJECT_POLICY_FILE : OBJECT_QUIRKS_FILE;
        FolderFile file = { 0 };

        if (!policy)
                return -ENOMEM;
        int r = load_others(policy, path, own, kind, dirs, beside);
        if (r < 0)
                return r;
        policy->problems = (Problems){ .per_file = PROBLEMS_MAX }; /* what is wrong with those is not asked for */
        Report report = { .problems = &policy->problems, .file = path };
        if (text_copy(file.path, sizeof(file.path), path) < 0)
                r = report_syntax(&report, 0, "its path is too long");
        else
                r = load_file(policy, &file, kind, POLICY_RANK_ADMIN);
        if (r == -ENOENT)
                r = report_syntax(&report, 0, "there is no such file");
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
