/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper as a process, started and led by exec, on a card made of files. */

#include "check-main.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/text.h"
#include "exec/helper-process.h"
#include "exec/run.h"
#include "fake-sys.h"
#include "helper/capabilities.h"
#include "helper/operations.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"

static sd_event *event;
static Run *run;
static RunPaths paths;
static RunResult result;
static Plan plan;
static unsigned n_ended;
static uint64_t helper_start_time;
static void (*between_steps)(pid_t pid);

static void setup(void) {
        fake_setup();
        ck_assert_int_eq(setenv("GPUSWITCH_TEST_ROOT", fake.root, 1), 0);
        ck_assert_int_ge(sd_event_new(&event), 0);
        paths = (RunPaths){ .helper = TEST_HELPER, .lock_dir = fake.root };
        plan = (Plan){ 0 };
        n_ended = 0;
        between_steps = NULL;
}

static void teardown(void) {
        siginfo_t info;

        run = run_free(run);
        while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
                ck_assert_int_gt(sd_event_run(event, 20 * USEC_PER_SEC), 0);
        event = sd_event_unref(event);
        fake_teardown();
}

static int on_started(Run *r, pid_t pid, uint64_t start_time, void *userdata) {
        helper_start_time = start_time;
        return 0;
}

static int on_before(Run *r, size_t index, void *userdata) {
        if (between_steps)
                between_steps(run_helper_pid(r));
        return 0;
}

static void on_ended(Run *r, const RunResult *res, void *userdata) {
        result = *res;
        n_ended++;
}

static const RunHandlers handlers = { .started = on_started, .before_step = on_before, .ended = on_ended };

static void wait_for_end(void) {
        unsigned n = n_ended;

        while (n_ended == n)
                ck_assert_int_gt(sd_event_run(event, 20 * USEC_PER_SEC), 0);
}

static Step *add(StepKind kind, const char *text) {
        Step *step = &plan.steps[plan.n_steps++];

        *step = (Step){
                .kind = kind, .address = { .bus = 1 }, .iommu_group = -1, .timeout_usec = 20 * USEC_PER_SEC
        };
        (void) text_copy(step->text, sizeof(step->text), text);
        return step;
}

static void run_it(void) {
        run = run_free(run);
        ck_assert_int_eq(
                run_plan(event, &paths, (PciAddress){ .bus = 1 }, &plan, false, &handlers, NULL, &run), 0);
        wait_for_end();
}

static FunctionSurvey survey(void) {
        CardFacts card = { .n_functions = 2,
                           .functions = { { .address = { .bus = 1 } },
                                          { .address = { .bus = 1, .function = 1 } } } };

        ck_assert_int_eq(run_survey(event, &paths, &card, &handlers, NULL, &run), 0);
        wait_for_end();
        ck_assert_int_eq(result.end, RUN_END_DONE);
        return run_surveyed(run)->functions[0].survey;
}

static void assert_file(const char *path, const char *expected) {
        char text[256];

        fake_read(path, text, sizeof(text));
        ck_assert_str_eq(text, expected);
}

START_TEST(test_survey) {
        fake_write(DEVICE "/driver_override", "vfio-pci\n");
        fake_write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
        FunctionSurvey seen = survey();
        ck_assert(seen.valid && seen.config_locked && !seen.config_dead && !seen.msix_enabled);
        ck_assert_str_eq(seen.driver_override, "vfio-pci");
        ck_assert_str_eq(seen.power_control, "on");
        ck_assert_str_eq(seen.d3cold_allowed, "1");
        ck_assert_uint_gt(seen.n_registers, 10);
}
END_TEST

static void add_with_registers(StepKind kind, const FunctionSurvey *seen) {
        Step *step = add(kind, "");

        step->n_registers = seen->n_registers;
        memcpy(step->registers, seen->registers, sizeof(step->registers));
}

static const struct timespec long_ago[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000 } };

static void age_lock(pid_t pid) {
        char path[PATH_MAX];

        (void) text_format(path, sizeof(path), "%s/0000:01:00.0.lock", fake.root);
        ck_assert_int_eq(utimensat(AT_FDCWD, path, long_ago, 0), 0);
}

/* The lock file tells a later daemon since when the helper is at its step. */
START_TEST(test_lock_has_the_time_of_the_step) {
        char path[PATH_MAX];
        struct stat facts;

        between_steps = age_lock;
        add(STEP_SET_D3COLD, "0");
        run_it();
        ck_assert_int_eq(result.end, RUN_END_DONE);
        (void) text_format(path, sizeof(path), "%s/0000:01:00.0.lock", fake.root);
        ck_assert_int_eq(stat(path, &facts), 0);
        ck_assert_int_gt(facts.st_mtim.tv_sec, long_ago[1].tv_sec);
}
END_TEST

START_TEST(test_whole_plan) {
        uint8_t before[CONFIG_SPACE_SIZE], after[CONFIG_SPACE_SIZE];
        FunctionSurvey seen = survey();

        add(STEP_NODES_FREE, "");
        add(STEP_SET_D3COLD, "0");
        add(STEP_SET_OVERRIDE, "vfio-pci");
        add(STEP_UNBIND, "amdgpu"); /* it has no driver: success */
        add_with_registers(STEP_SAVE_CONFIG, &seen);
        Step *reset = add(STEP_WRITE_CONFIG, "");
        reset->offset = 0x7c;
        reset->mask = UINT32_MAX;
        reset->value = 0x39d5e86b;
        add(STEP_DELAY, "")->delay_usec = 100;
        add_with_registers(STEP_RESTORE_CONFIG, &seen);
        add_with_registers(STEP_VERIFY_CONFIG, &seen);
        add(STEP_ALIVE, "");
        add(STEP_SET_POWER, "auto");
        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        run_it();
        ck_assert_str_eq(result.message, "");
        ck_assert_int_eq(result.end, RUN_END_DONE);
        ck_assert_uint_eq(result.index, plan.n_steps);
        assert_file(DEVICE "/d3cold_allowed", "0\n");
        assert_file(DEVICE "/driver_override", "vfio-pci");
        assert_file(DEVICE "/power/control", "auto");
        fake_read_bytes(DEVICE "/config", after, sizeof(after));
        ck_assert_uint_eq(after[0x7c], 0x6b);
        memset(after + 0x7c, 0, 4);
        ck_assert_mem_eq(after, before, sizeof(after));
}
END_TEST

START_TEST(test_step_that_fails) {
        add(STEP_SET_POWER, "on");
        add(STEP_BIND, "vfio-pci"); /* no kernel here that would do it */
        add(STEP_SET_POWER, "auto");
        run_it();
        ck_assert_int_eq(result.end, RUN_END_STEP_FAILED);
        ck_assert_uint_eq(result.index, 1);
        ck_assert_int_eq(result.error, -EIO);
        ck_assert_ptr_nonnull(strstr(result.message, "no driver has it"));
        assert_file("/sys/bus/pci/drivers/vfio-pci/bind", "0000:01:00.0");
        assert_file(DEVICE "/power/control", "on\n");
}
END_TEST

START_TEST(test_function_of_another_card) {
        add(STEP_SET_POWER, "auto")->address.bus = 2;
        run_it();
        ck_assert_int_eq(result.error, -EINVAL);
        ck_assert_ptr_nonnull(strstr(result.message, "0000:02:00.0 is not part of the card"));
}
END_TEST

/* Unless the plan names it as one that goes along; and then only what changes its owner. */
START_TEST(test_fellow_of_the_plan) {
        fake_write("/sys/bus/pci/devices/0000:02:00.0/class", "0x010802\n");
        fake_write("/sys/bus/pci/devices/0000:02:00.0/power/control", "on\n");
        add(STEP_SET_POWER, "auto")->address.bus = 2;
        add(STEP_ALIVE, "")->address.bus = 2;
        for (plan.n_fellows = 0; plan.n_fellows < FELLOWS_MAX; plan.n_fellows++)
                plan.fellows[plan.n_fellows] = (PciAddress){ .bus = (uint8_t) (FELLOWS_MAX + 1 - plan.n_fellows) };
        run_it();
        assert_file("/sys/bus/pci/devices/0000:02:00.0/power/control", "auto");
        ck_assert_uint_eq(result.index, 1);
        ck_assert_int_eq(result.error, -EINVAL);
        ck_assert_ptr_nonnull(strstr(result.message, "rule 'fellow'"));
}
END_TEST

static const HelperFellows no_fellows;

/* A helper of our own beside the one of the run; returns its first words. */
static HelperReply start_helper(HelperProcess *process, uint8_t bus) {
        HelperReply reply;

        ck_assert_int_eq(helper_process_start(TEST_HELPER, fake.root, (PciAddress){ .bus = bus }, &no_fellows, process),
                         0);
        ck_assert_int_eq(recv(process->socket, &reply, sizeof(reply), 0), sizeof(reply));
        return reply;
}

/* Blocks: the helpers of these tests end when they are told to. */
static void wait_for_helper(HelperProcess *process, const char *how) {
        char text[64] = "";
        siginfo_t info;

        ck_assert_int_eq(waitid(P_PIDFD, (id_t) process->pidfd, &info, WEXITED | WNOWAIT), 0);
        ck_assert_int_eq(helper_process_reap(process, text, sizeof(text)), 1);
        ck_assert_str_eq(text, how);
        process->pidfd = close_fd(process->pidfd);
        helper_process_hang_up(process);
}

START_TEST(test_lock) {
        HelperProcess first, second, other;
        char expected[MESSAGE_TEXT_SIZE];

        HelperReply reply = start_helper(&first, 1);
        ck_assert_int_eq(reply.status, 0);
        (void) text_format(expected, sizeof(expected), "%s\n", reply.message);
        assert_file("/0000:01:00.0.lock", expected);
        expected[strlen(expected) - 1] = '\0';

        reply = start_helper(&second, 1);
        ck_assert_int_eq(reply.status, -EBUSY);
        ck_assert_str_eq(reply.message, expected);
        wait_for_helper(&second, "exit status 1");
        reply = start_helper(&other, 2);
        ck_assert_int_eq(reply.status, 0);

        ck_assert_int_eq(helper_process_reap(&first, expected, sizeof(expected)), 0); /* not yet */
        helper_process_hang_up(&first);
        wait_for_helper(&first, "exit status 0");
        helper_process_hang_up(&other);
        wait_for_helper(&other, "exit status 0");
        /* The text is still there; the lock is not. */
        reply = start_helper(&second, 1);
        ck_assert_int_eq(reply.status, 0);
        helper_process_hang_up(&second);
        wait_for_helper(&second, "exit status 0");
}
END_TEST

START_TEST(test_no_place_for_the_lock) {
        HelperProcess process;

        ck_assert_int_eq(
                helper_process_start(TEST_HELPER, "/nonexistent", (PciAddress){ .bus = 1 }, &no_fellows, &process), 0);
        HelperReply reply;
        ck_assert_int_eq(recv(process.socket, &reply, sizeof(reply), 0), sizeof(reply));
        ck_assert_int_eq(reply.status, -ENOENT);
        ck_assert_ptr_nonnull(strstr(reply.message, "/nonexistent/0000:01:00.0.lock"));
        wait_for_helper(&process, "exit status 1");
}
END_TEST

static unsigned n_descriptors(pid_t pid) {
        char path[64];
        unsigned n = 0;

        (void) text_format(path, sizeof(path), "/proc/%d/fd", (int) pid);
        DIR *dir = opendir(path);
        ck_assert_ptr_nonnull(dir);
        for (const struct dirent *entry; (entry = readdir(dir));)
                n += entry->d_name[0] != '.';
        (void) closedir(dir);
        return n;
}

static void look_at_process(pid_t pid) {
        char path[64], text[64] = "";

        (void) text_format(path, sizeof(path), "/proc/%d/cmdline", (int) pid);
        FILE *f = fopen(path, "re");
        ck_assert_ptr_nonnull(f);
        ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
        (void) fclose(f);
        ck_assert_str_eq(text, "@gpuswitch-helper");
        /* stdin, stdout, stderr, socket, lock. */
        ck_assert_uint_eq(n_descriptors(pid), 5);
        ck_assert_int_eq(kill(pid, SIGTERM), 0);
        ck_assert_int_eq(kill(pid, SIGINT), 0);
        ck_assert_int_eq(kill(pid, SIGHUP), 0);
}

START_TEST(test_process) {
        sigset_t all, before;

        /* Whatever the daemon has open, blocked or ignored, is not the helper's. */
        int inherited = dup(STDERR_FILENO);
        ck_assert_int_ge(inherited, 0);
        (void) sigfillset(&all);
        (void) sigprocmask(SIG_BLOCK, &all, &before);
        between_steps = look_at_process;
        add(STEP_SET_POWER, "auto");
        add(STEP_SET_POWER, "on");
        run_it();
        ck_assert_int_eq(result.end, RUN_END_DONE);
        ck_assert_uint_gt(helper_start_time, 0);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        (void) close(inherited);
}
END_TEST

/* A hexadecimal value of /proc/PID/status. */
static uint64_t of_status(pid_t pid, const char *key) {
        char path[64], line[256];
        uint64_t value;

        (void) text_format(path, sizeof(path), "/proc/%d/status", (int) pid);
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        ck_assert_ptr_nonnull(f);
        while (fgets(line, sizeof(line), f)) {
                char *rest = strstr(line, key) == line ? line + strlen(key) : NULL;
                if (!rest)
                        continue;
                ck_assert_int_eq(text_to_uint64(text_chomp(rest + strspn(rest, ":\t ")), 16, &value), 0);
                return value;
        }
        ck_abort_msg("%s has no %s", path, key);
}

static void assert_capabilities(pid_t pid, uint64_t effective) {
        uint64_t own = of_status(getpid(), "CapPrm");

        ck_assert_uint_eq(of_status(pid, "CapEff"), own & effective);
        ck_assert_uint_eq(of_status(pid, "CapPrm"), own & operations_capabilities());
        ck_assert_uint_eq(of_status(pid, "CapInh"), 0);
        ck_assert_uint_eq(of_status(pid, "CapAmb"), 0);
        ck_assert_uint_eq(of_status(pid, "NoNewPrivs"), 1);
}

static void look_at_idle(pid_t pid) {
        assert_capabilities(pid, 0);
}

START_TEST(test_capabilities_between_steps) {
        between_steps = look_at_idle;
        add(STEP_SET_POWER, "auto");
        add(STEP_ALIVE, "");
        add(STEP_NODES_FREE, "");
        add(STEP_SET_POWER, "on");
        run_it();
        ck_assert_int_eq(result.end, RUN_END_DONE);
}
END_TEST

/* The helper stays in the request for as long as the file that it reads is a pipe without an end. */
START_TEST(test_capabilities_in_a_step) {
        HelperRequest request = fake_request(HELPER_SURVEY);
        HelperProcess process;
        HelperReply reply;
        char path[512];

        fake_remove(DEVICE "/driver_override");
        (void) text_format(path, sizeof(path), "%s" DEVICE "/driver_override", fake.root);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_int_eq(start_helper(&process, 1).status, 0);
        assert_capabilities(process.pid, 0);
        ck_assert_int_eq(send(process.socket, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
        int pipe = open(path, O_WRONLY | O_CLOEXEC); /* waits until the helper reads */
        ck_assert_int_ge(pipe, 0);
        assert_capabilities(process.pid, CAPABILITIES_CONFIG);
        (void) close(pipe);
        ck_assert_int_eq(recv(process.socket, &reply, sizeof(reply), 0), sizeof(reply));
        ck_assert_int_eq(reply.status, 0);
        assert_capabilities(process.pid, 0);
        helper_process_hang_up(&process);
        wait_for_helper(&process, "exit status 0");
}
END_TEST

static const int victims[] = { 0, 1, 2 };

START_TEST(test_daemon_with_closed_descriptors) {
        /* The socket pair takes the lowest free numbers, which the child needs for itself. */
        (void) close(victims[_i]);
        add(STEP_SET_POWER, "auto");
        run_it();
        ck_assert_int_eq(result.end, RUN_END_DONE);
}
END_TEST

static const size_t bad_sizes[] = { 1, sizeof(HelperRequest) - 1, sizeof(HelperRequest) + 1 };

START_TEST(test_message_that_is_no_request) {
        static uint8_t bytes[sizeof(HelperRequest) + 1];
        HelperProcess process;

        ck_assert_int_eq(start_helper(&process, 1).status, 0);
        ck_assert_int_eq(send(process.socket, bytes, bad_sizes[_i], MSG_NOSIGNAL), bad_sizes[_i]);
        wait_for_helper(&process, "exit status 1");
}
END_TEST

START_TEST(test_other_version) {
        HelperRequest request = fake_request(HELPER_ALIVE);
        HelperProcess process;
        HelperReply reply;

        ck_assert_int_eq(start_helper(&process, 1).status, 0);
        request.version++;
        ck_assert_int_eq(send(process.socket, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
        ck_assert_int_eq(recv(process.socket, &reply, sizeof(reply), 0), sizeof(reply));
        ck_assert_int_eq(reply.status, -EPROTO);
        wait_for_helper(&process, "exit status 1");
}
END_TEST

START_TEST(test_request_in_hand_is_finished) {
        HelperRequest request = fake_request(HELPER_WRITE_ATTRIBUTE);
        HelperProcess process;

        ck_assert_int_eq(start_helper(&process, 1).status, 0);
        (void) text_copy(request.attribute, sizeof(request.attribute), "power/control");
        (void) text_copy(request.text, sizeof(request.text), "auto");
        ck_assert_int_eq(send(process.socket, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
        helper_process_hang_up(&process);
        wait_for_helper(&process, "exit status 0");
        assert_file(DEVICE "/power/control", "auto");
}
END_TEST

START_TEST(test_started_by_hand) {
        int status = system(TEST_HELPER " 0000:01:00.0 /nonexistent 2>/dev/null 3</dev/null");

        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 2);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-process");
        TCase *c = tcase_create("process");

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, test_survey);
        tcase_add_test(c, test_lock_has_the_time_of_the_step);
        tcase_add_test(c, test_whole_plan);
        tcase_add_test(c, test_step_that_fails);
        tcase_add_test(c, test_function_of_another_card);
        tcase_add_test(c, test_fellow_of_the_plan);
        tcase_add_test(c, test_lock);
        tcase_add_test(c, test_no_place_for_the_lock);
        tcase_add_test(c, test_process);
        tcase_add_test(c, test_capabilities_between_steps);
        tcase_add_test(c, test_capabilities_in_a_step);
        tcase_add_loop_test(c, test_daemon_with_closed_descriptors, 0, ELEMENTSOF(victims));
        tcase_add_loop_test(c, test_message_that_is_no_request, 0, ELEMENTSOF(bad_sizes));
        tcase_add_test(c, test_other_version);
        tcase_add_test(c, test_request_in_hand_is_finished);
        tcase_add_test(c, test_started_by_hand);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
