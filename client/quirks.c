/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quirks WORD: what is known of hardware, and what this machine can add to it. */

#include "client/quirks.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "client/printable.h"
#include "gpuswitch/names.h"

int quirks_dirs(const Options *options, QuirksDirs *ret) {
        const char *root = options->root ?: "";

        int r = text_format(ret->vendor, sizeof(ret->vendor), "%s%s", root, GPUSWITCH_QUIRKS_DIR_VENDOR);
        if (r == 0)
                r = text_format(ret->admin, sizeof(ret->admin), "%s%s", root, GPUSWITCH_QUIRKS_DIR_ADMIN);
        if (r == 0)
                r = text_format(ret->wishes, sizeof(ret->wishes), "%s%s", root, GPUSWITCH_POLICY_DIR);
        ret->dirs = (PolicyDirs){ .quirks_vendor = ret->vendor, .quirks_admin = ret->admin, .policy = ret->wishes };
        if (r < 0)
                fprintf(stderr, "cannot read quirks and policy: %s\n", strerror(-r));
        return r;
}

int quirks_load(const Options *options, Policy **ret_policy) {
        QuirksDirs dirs;

        int r = quirks_dirs(options, &dirs);
        if (r < 0)
                return r;
        r = policy_load(&dirs.dirs, ret_policy);
        if (r < 0)
                fprintf(stderr, "cannot read quirks and policy: %s\n", strerror(-r));
        return r;
}

size_t quirks_tell_problems(const Policy *policy) {
        const PolicyProblem *problem;
        char text[MESSAGE_TEXT_SIZE];
        size_t n = 0;

        for (; (problem = policy_problem(policy, n)); n++) {
                (void) policy_problem_text(problem, text, sizeof(text));
                fprintf(stderr, "%s\n", printable_line(text));
        }
        return n;
}

json_object *quirks_problems_json(const Policy *policy) {
        json_object *list = json_object_new_array();
        const PolicyProblem *problem;

        for (size_t i = 0; list && (problem = policy_problem(policy, i)); i++) {
                json_object *entry = json_object_new_object();
                if (!entry || json_object_array_add(list, entry) < 0) {
                        json_object_put(entry);
                        json_object_put(list);
                        return NULL;
                }
                json_object_object_add(entry, "file", json_object_new_string(problem->file));
                json_object_object_add(entry, "line", json_object_new_uint64(problem->line));
                json_object_object_add(entry, "pointer",
                                       problem->is_syntax ? NULL : json_object_new_string(problem->where));
                json_object_object_add(entry, "reason", json_object_new_string(problem->text));
        }
        return list;
}

static _printf_(1, 2) ExitStatus usage(const char *format, ...) {
        va_list ap;

        fputs("gpuswitchctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputs("\nSee gpuswitchctl --help.\n", stderr);
        return EXIT_USAGE;
}

ExitStatus verb_quirks(const Options *options, char **arguments) {
        const char *word = arguments[0];
        size_t n = 0;

        while (arguments[n + 1])
                n++;
        if (streq(word, "report"))
                return n > 0 || options->root ? usage("quirks %s takes neither an argument nor --root", word)
                                              : quirks_report(options);
        if (!streq(word, "list") && !streq(word, "match") && !streq(word, "check"))
                return usage("quirks knows list, match, check and report, and no '%s'", word);
        if (options->host || options->machine)
                return usage("quirks %s reads the files of the machine that it runs on, so -H and -M are not for it: "
                             "run it there, with ssh or machinectl shell", word);
        if (streq(word, "list"))
                return n == 0 ? quirks_list(options) : usage("quirks %s takes no argument", word);
        if (streq(word, "match"))
                return n == 1 ? quirks_match(options, arguments[1])
                              : usage("quirks %s takes one GPU or id (vendor:device, or vendor:device:subsystem "
                                      "vendor:subsystem device)", word);
        return n > 0 ? quirks_check(options, arguments + 1) : usage("quirks %s takes the files to look at", word);
}
