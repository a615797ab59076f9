/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpuswitchctl: one table of verbs, one set of options.
 *
 * The hook is taken before any option is looked at: its arguments come from libvirt, and a VM may
 * well be called "--help".
 */

#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/text.h"
#include "client/client.h"
#include "client/libvirt-hook.h"

/* Options that only some verbs take; --json, -H and -M are for all. */
typedef enum OptionSet {
        OPTIONS_COMMON = 0,
        OPTIONS_LOG = 1 << 0,
        OPTIONS_INHIBIT = 1 << 1,
        OPTIONS_RECOVER = 1 << 2,
        OPTIONS_QUIRKS = 1 << 3,
} OptionSet;

typedef struct Verb {
        const char *name;
        int min_arguments;
        int max_arguments;
        OptionSet options;
        ExitStatus (*run)(const Options *options, char **arguments);
        const char *arguments;
        const char *help;
} Verb;

static const Verb verbs[] = {
        { "list", 0, 0, OPTIONS_COMMON, verb_list, "", "All GPUs, one line each" },
        { "status", 0, 1, OPTIONS_COMMON, verb_status, "[GPU]", "Everything that is known of a GPU" },
        { "to-guest", 1, 1, OPTIONS_COMMON, verb_to_guest, "GPU", "Give a GPU to virtual machines" },
        { "to-host", 1, 1, OPTIONS_COMMON, verb_to_host, "GPU", "Bring a GPU home" },
        { "plan", 2, 2, OPTIONS_COMMON, verb_plan, "GPU guest|host",
          "Print every step of a switch, do none" },
        { "explain", 0, 1, OPTIONS_COMMON, verb_explain, "[GPU]",
          "Can it switch? If not: why, and what helps" },
        { "quirks", 1, INT_MAX, OPTIONS_QUIRKS, verb_quirks, "WORD...",
          "What is known of hardware: list, match GPU|ID, check FILE..., report" },
        { "reset", 1, 1, OPTIONS_COMMON, verb_reset, "GPU", "Reset a GPU that no virtual machine has" },
        { "recover", 1, 1, OPTIONS_RECOVER, verb_recover, "GPU", "Look again at a GPU that was lost" },
        { "monitor", 0, 0, OPTIONS_COMMON, verb_monitor, "", "Follow all changes until interrupted" },
        { "log", 0, 1, OPTIONS_LOG, verb_log, "[GPU]", "What the journal says" },
        { "inhibit", 0, INT_MAX, OPTIONS_INHIBIT, verb_inhibit, "-- COMMAND...",
          "Hold switches back while a command runs" },
};

static void print_help(FILE *out) {
        fprintf(out, "gpuswitchctl [OPTIONS] VERB [ARGUMENTS]\n\n"
                     "Hands a GPU between this host and its virtual machines.\n\nVerbs:\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                fprintf(out, "  %-8s %-14s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
        fprintf(out, "  %-23s %s\n", "libvirt-hook ...", "Called by libvirt only");
        fprintf(out,
                "\nGPU is an address (0000:01:00.0 or 01:00.0) or a name.\n\n"
                "Options:\n"
                "  -h --help             Show this help\n"
                "     --version          Show the version\n"
                "     --json             JSON instead of text (monitor, log: one object per line)\n"
                "  -H --host=[USER@]HOST Talk to the daemon of another host, over SSH\n"
                "  -M --machine=MACHINE  Talk to the daemon of a local container\n"
                "Options of log:\n"
                "  -n --lines=N          Only the last N entries\n"
                "  -f --follow           Go on with new entries as they come\n"
                "  -b --boot             Only this boot\n"
                "  -D --directory=DIR    Read the journal files in DIR\n"
                "Options of recover:\n"
                "     --suspend          Suspend the machine for some seconds, which takes the GPU's power away\n"
                "     --rescan           Take the GPU off its bus, and read the bus again\n"
                "Options of quirks list, match, check (they read this machine's files, and need neither daemon nor root):\n"
                "     --root=DIR         Read DIR/usr/lib/gpuswitch, DIR/etc/gpuswitch and DIR/sys instead\n"
                "Options of inhibit:\n"
                "     --gpu=GPU          Only this one; without it, all\n"
                "     --mode=MODE        block: refuse switches (default); delay: make them wait, some seconds at most\n"
                "     --who=TEXT         Who is to be named; without it, the command\n"
                "     --why=TEXT         And why\n"
                "     --list             Show who holds switches back, run nothing\n\n"
                "Exit status: 0 done, 1 refused or failed (explain: no), 2 wrong usage, 3 the daemon cannot be reached; inhibit ends as "
                "its\ncommand does.\n");
}

static _printf_(1, 2) ExitStatus usage_error(const char *format, ...) {
        va_list ap;

        fputs("gpuswitchctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputs("\nSee gpuswitchctl --help.\n", stderr);
        return EXIT_USAGE;
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

/* What getopt found beside the Options themselves. */
typedef struct Parsed {
        bool help;
        bool version;
        const char *log_option;     /* an option that only `log` takes, as typed */
        const char *inhibit_option; /* the same of `inhibit` */
        const char *recover_option; /* the same of `recover` */
        const char *quirks_option;  /* the same of `quirks` */
} Parsed;

static ExitStatus parse_options(int argc, char **argv, Options *options, Parsed *parsed) {
        enum { OPTION_JSON = 0x100, OPTION_VERSION, OPTION_GPU, OPTION_WHO, OPTION_WHY, OPTION_MODE, OPTION_LIST,
               OPTION_SUSPEND, OPTION_RESCAN, OPTION_ROOT };
        static const struct option table[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "json", no_argument, NULL, OPTION_JSON },
                { "host", required_argument, NULL, 'H' },
                { "machine", required_argument, NULL, 'M' },
                { "lines", required_argument, NULL, 'n' },
                { "follow", no_argument, NULL, 'f' },
                { "boot", no_argument, NULL, 'b' },
                { "directory", required_argument, NULL, 'D' },
                { "gpu", required_argument, NULL, OPTION_GPU },
                { "who", required_argument, NULL, OPTION_WHO },
                { "why", required_argument, NULL, OPTION_WHY },
                { "mode", required_argument, NULL, OPTION_MODE },
                { "list", no_argument, NULL, OPTION_LIST },
                { "suspend", no_argument, NULL, OPTION_SUSPEND },
                { "rescan", no_argument, NULL, OPTION_RESCAN },
                { "root", required_argument, NULL, OPTION_ROOT },
                { NULL, 0, NULL, 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "hH:M:n:fbD:", table, NULL)) >= 0;)
                switch (c) {
                case 'h':
                        parsed->help = true;
                        break;
                case OPTION_VERSION:
                        parsed->version = true;
                        break;
                case OPTION_JSON:
                        options->json = true;
                        break;
                case 'H':
                        options->host = optarg;
                        break;
                case 'M':
                        options->machine = optarg;
                        break;
                case 'n':
                        parsed->log_option = "--lines";
                        if (text_to_uint64(optarg, 10, &options->lines) < 0)
                                return usage_error("--lines: '%s' is no number", optarg);
                        break;
                case 'f':
                        parsed->log_option = "--follow";
                        options->follow = true;
                        break;
                case 'b':
                        parsed->log_option = "--boot";
                        options->this_boot = true;
                        break;
                case 'D':
                        parsed->log_option = "--directory";
                        options->directory = optarg;
                        break;
                case OPTION_GPU:
                        parsed->inhibit_option = "--gpu";
                        options->gpu = optarg;
                        break;
                case OPTION_WHO:
                        parsed->inhibit_option = "--who";
                        options->who = optarg;
                        break;
                case OPTION_WHY:
                        parsed->inhibit_option = "--why";
                        options->why = optarg;
                        break;
                case OPTION_MODE:
                        parsed->inhibit_option = "--mode";
                        options->mode = optarg;
                        break;
                case OPTION_LIST:
                        parsed->inhibit_option = "--list";
                        options->list = true;
                        break;
                case OPTION_ROOT:
                        parsed->quirks_option = "--root";
                        options->root = optarg;
                        break;
                case OPTION_SUSPEND:
                        parsed->recover_option = "--suspend";
                        options->suspend = true;
                        break;
                case OPTION_RESCAN:
                        parsed->recover_option = "--rescan";
                        options->rescan = true;
                        break;
                default: /* getopt has said what is wrong */
                        fputs("See gpuswitchctl --help.\n", stderr);
                        return EXIT_USAGE;
                }
        return EXIT_DONE;
}

static ExitStatus run_verb(const Options *options, const Parsed *parsed, char **arguments, int n_arguments) {
        if (n_arguments == 0)
                return usage_error("no verb given");
        if (streq(arguments[0], "libvirt-hook"))
                return verb_libvirt_hook(arguments + 1);

        const Verb *verb = find_verb(arguments[0]);
        if (!verb)
                return usage_error("unknown verb '%s'", arguments[0]);
        n_arguments--;
        if (n_arguments < verb->min_arguments || n_arguments > verb->max_arguments)
                return usage_error("wrong number of arguments; usage: gpuswitchctl %s%s%s", verb->name,
                                   verb->arguments[0] ? " " : "", verb->arguments);
        if (parsed->log_option && !(verb->options & OPTIONS_LOG))
                return usage_error("%s takes no option %s", verb->name, parsed->log_option);
        if (parsed->inhibit_option && !(verb->options & OPTIONS_INHIBIT))
                return usage_error("%s takes no option %s", verb->name, parsed->inhibit_option);
        if (parsed->quirks_option && !(verb->options & OPTIONS_QUIRKS))
                return usage_error("%s takes no option %s", verb->name, parsed->quirks_option);
        if (parsed->recover_option && !(verb->options & OPTIONS_RECOVER))
                return usage_error("%s takes no option %s", verb->name, parsed->recover_option);
        if (options->suspend && options->rescan)
                return usage_error("--suspend and --rescan exclude each other");
        if (options->host && options->machine)
                return usage_error("-H and -M exclude each other");
        return verb->run(options, arguments + 1);
}

int main(int argc, char **argv) {
        Options options = { .lines = LINES_ALL };
        Parsed parsed = { 0 };

        if (argc > 1 && streq(argv[1], "libvirt-hook"))
                return (int) verb_libvirt_hook(argv + 2);

        (void) setlocale(LC_TIME, "");
        ExitStatus status = parse_options(argc, argv, &options, &parsed);
        if (status != EXIT_DONE)
                return (int) status;
        if (parsed.help)
                print_help(stdout);
        else if (parsed.version)
                puts("gpuswitchctl " GPUSWITCH_VERSION);
        else
                status = run_verb(&options, &parsed, argv + optind, argc - optind);

        if (fflush(stdout) != 0 || ferror(stdout)) {
                fprintf(stderr, "cannot write the output: %m\n");
                return status == EXIT_DONE ? EXIT_REFUSED : (int) status;
        }
        return (int) status;
}
