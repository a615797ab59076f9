/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quirks check: each file as the daemon would read it, beside those that it will be in force with. */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client/json.h"
#include "client/quirks.h"

static ExitStatus check_file(const Options *options, const PolicyDirs *dirs, char **all, const char *path, json_object *files) {
        _cleanup_(policy_freep) Policy *policy = NULL;
        json_object *entry, *problems;

        int r = policy_check(path, dirs, all, &policy);
        if (r < 0) {
                fprintf(stderr, "cannot check %s: %s\n", path, strerror(-r));
                return EXIT_REFUSED;
        }
        bool is_sound = !policy_problem(policy, 0);
        if (!options->json) {
                (void) quirks_tell_problems(policy);
                if (is_sound)
                        printf("%s: no fault\n", path);
                return is_sound ? EXIT_DONE : EXIT_REFUSED;
        }
        entry = json_object_new_object();
        problems = quirks_problems_json(policy);
        if (!entry || !problems || json_object_array_add(files, entry) < 0) {
                json_object_put(problems);
                json_object_put(entry);
                fputs("out of memory\n", stderr);
                return EXIT_REFUSED;
        }
        json_object_object_add(entry, "file", json_object_new_string(path));
        json_object_object_add(entry, "sound", json_object_new_boolean(is_sound));
        json_object_object_add(entry, "problems", problems);
        return is_sound ? EXIT_DONE : EXIT_REFUSED;
}

ExitStatus quirks_check(const Options *options, char **files) {
        _cleanup_(json_object_putp) json_object *root = json_object_new_object();
        json_object *list = json_object_new_array();
        ExitStatus status = EXIT_DONE;
        QuirksDirs dirs;

        if (!root || !list || json_object_object_add(root, "files", list) < 0) {
                json_object_put(list);
                fputs("out of memory\n", stderr);
                return EXIT_REFUSED;
        }
        if (quirks_dirs(options, &dirs) < 0)
                return EXIT_REFUSED;
        for (char **file = files; *file; file++)
                if (check_file(options, &dirs.dirs, files, *file, list) != EXIT_DONE)
                        status = EXIT_REFUSED;
        if (options->json)
                print_json(stdout, root);
        return status;
}
