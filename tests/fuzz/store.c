/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A damaged store: opened, asked for its card and its unfinished operations, which are then ended. In a folder in memory;
 * every run makes and removes its files. The input begins with what it is:
 *
 *   'R'  the file, byte for byte              'W'  the write-ahead log beside a good file, byte for byte
 *   'P'  a good file with other bytes at some places: 3 bytes offset, 1 byte length, what is written, again and again
 *   'T'  a good file cut to so many bytes (text, decimal)
 *   'S'  a good file after some SQL
 *
 * Accepted: the good file's card and operation come out. Whatever comes out makes sense; a file that cannot be used is set
 * aside as it was, and a new one works; a file of a newer version is not touched.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocations.h"
#include "base/address.h"
#include "base/text.h"
#include "fuzz.h"
#include "store/store.h"

#define IDENTITY "unique:0123456789abcdef"
#define BOOT_ID "0b5a1c8e-5f1e-4c56-9d0a-2f6a1e1b0001"
#define UUID "11111111-2222-3333-4444-555555555555"
#define FILE_SIZE_MAX ((size_t) 1024 * 1024)
#define SQL_STEPS_MAX 20000

static char folder[64], path[96], wal_path[100];
static uint8_t good[FILE_SIZE_MAX], image[FILE_SIZE_MAX], found[FILE_SIZE_MAX];
static size_t good_size, image_size;
static StoredCard card;
static StoredOperation operation;
static const ResetOutcome outcome = { .vendor_id = 0x1002, .device_id = 0x67df, .family = "polaris", .kernel = "6.12",
                                      .method = "vi-config" };

static size_t read_whole(const char *name, uint8_t *bytes) {
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, bytes, FILE_SIZE_MAX);

        return n < 0 ? 0 : (size_t) n;
}

static void write_whole(const char *name, const void *bytes, size_t size) {
        _cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        fuzz_require(fd >= 0 && write(fd, bytes, size) == (ssize_t) size, "%s: %m", name);
}

static void empty_folder(void) {
        DIR *dir = opendir(folder);

        for (const struct dirent *entry; dir && (entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        (void) unlinkat(dirfd(dir), entry->d_name, 0);
        if (dir)
                (void) closedir(dir);
}

static void remove_folder(void) {
        empty_folder();
        (void) rmdir(folder);
}

static void make_samples(void) {
        card = (StoredCard){ .address = { .bus = 1 }, .boot_id = BOOT_ID, .state = RESET_STATE_PREFAIL, .log_sequence = 12345,
                             .owner = OWNER_GUEST, .driver = "vfio-pci", .identity = IDENTITY,
                             .lease = { .domain_uuid = UUID, .domain_name = "größer", .since_usec = 1 },
                             .home = { .known = true, .n_functions = 2 } };
        for (uint8_t i = 0; i < 2; i++)
                card.home.functions[i] = (HomeFunction){ .address = { .bus = 1, .function = i }, .driver = "amdgpu",
                                                         .power_control = "auto", .d3cold_allowed = "1" };
        operation = (StoredOperation){ .id = "aaaaaaaa-0000-0000-0000-000000000001", .boot_id = BOOT_ID, .identity = IDENTITY,
                                       .address = { .bus = 1 }, .domain_uuid = UUID, .domain_name = "größer", .n_started = 1,
                                       .helper_pid = 4711, .helper_start_time = 123456,
                                       .plan = { .direction = DIRECTION_GUEST, .n_steps = _STEP_KIND_MAX } };
        for (size_t i = 0; i < _STEP_KIND_MAX; i++)
                operation.plan.steps[i] = (Step){ .kind = (StepKind) i, .address = { .bus = 1 }, .text = "vfio-pci",
                                                  .timeout_usec = USEC_PER_SEC, .n_registers = 1,
                                                  .registers = { { .offset = 4, .width = 2, .value = 7 } } };
}

void fuzz_setup(void) {
        Store *store = NULL;
        char *aside = NULL;

        (void) text_copy(folder, sizeof(folder), "/dev/shm/gpuswitch-fuzz-XXXXXX");
        fuzz_require(mkdtemp(folder), "%m");
        (void) text_format(path, sizeof(path), "%s/gpuswitch.db", folder);
        (void) text_format(wal_path, sizeof(wal_path), "%s-wal", path);
        (void) atexit(remove_folder);
        make_samples();
        fuzz_require(store_open(path, &store, &aside) == 0 && !aside);
        fuzz_require(store_save_card(store, &card) == 0 && store_begin_operation(store, &operation) == 0);
        fuzz_require(store_add_evidence(store, IDENTITY, BOOT_ID, CARD_EVENT_HOST_BIND, RESET_STATE_TOUCHED,
                                        RESET_STATE_PREFAIL, "a test", 1) == 0);
        fuzz_require(store_count_outcome(store, &outcome, OUTCOME_TRIED) == 0);
        store_free(store);
        good_size = read_whole(path, good);
        fuzz_require(good_size > 0 && good_size < FILE_SIZE_MAX);
        empty_folder();
}

/* What SQL must not do: other files, settings of the connection. */
static int authorize(void *userdata, int action, const char *a, const char *b, const char *c, const char *d) {
        if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
                return SQLITE_DENY;
        if (action == SQLITE_PRAGMA)
                return strcasecmp(a, "user_version") == 0 || strcasecmp(a, "writable_schema") == 0 ? SQLITE_OK : SQLITE_DENY;
        return SQLITE_OK;
}

static int stop(void *userdata) {
        return 1;
}

static void run_sql(const char *sql) {
        sqlite3 *db = NULL;

        if (sqlite3_open(path, &db) == SQLITE_OK) {
                (void) sqlite3_set_authorizer(db, authorize, NULL);
                (void) sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 65536);
                sqlite3_progress_handler(db, SQL_STEPS_MAX, stop, NULL);
                (void) sqlite3_exec(db, sql, NULL, NULL, NULL);
        }
        (void) sqlite3_close_v2(db);
}

static void patch(const uint8_t *at, const uint8_t *end) {
        Choices choices = { at, end };

        while (choices_left(&choices)) {
                size_t offset = choose_number(&choices, 3) % image_size, n = choose_byte(&choices);
                n = MIN_OF(MIN_OF(n, image_size - offset), (size_t) (choices.end - choices.at));
                memcpy(image + offset, choices.at, n);
                choices.at += n;
        }
}

/* Lays the files down. Leaves what the main file is in `image`. */
static void lay_down(const uint8_t *data, size_t size) {
        static char text[4096];
        uint8_t what = size > 0 ? data[0] : 'R';
        size_t rest = size > 0 ? size - 1 : 0;

        memcpy(text, data + (size > 0), MIN_OF(rest, sizeof(text) - 1));
        text[MIN_OF(rest, sizeof(text) - 1)] = '\0';
        image_size = good_size;
        memcpy(image, good, good_size);
        if (what == 'P')
                patch(data + 1, data + size);
        else if (what == 'T')
                image_size = MIN_OF((size_t) strtoul(text, NULL, 10), good_size);
        else if (what != 'S' && what != 'W') {
                image_size = MIN_OF(rest, FILE_SIZE_MAX);
                memcpy(image, data + (size > 0), image_size);
        }
        write_whole(path, image, image_size);
        if (what == 'W')
                write_whole(wal_path, data + 1, rest);
        if (what == 'S') {
                run_sql(text);
                image_size = read_whole(path, image);
        }
}

static void take_text(FuzzVerdict *verdict, const char *text, size_t size) {
        verdict_add_text(verdict, text, size);
        fuzz_require(fuzz_is_utf8(text), "no UTF-8: %s", text);
}
#define take_field(verdict, field) take_text((verdict), (field), sizeof(field))

static void take_address(FuzzVerdict *verdict, PciAddress address) {
        PciAddress again;

        fuzz_require(address_parse(ADDRESS_TEXT(address), &again) == 0 && address_equal(address, again));
        verdict_add(verdict, ADDRESS_TEXT(address), PCI_ADDRESS_TEXT_SIZE);
}

static void take_card(FuzzVerdict *verdict, const StoredCard *loaded) {
        take_field(verdict, loaded->identity);
        take_field(verdict, loaded->boot_id);
        take_field(verdict, loaded->driver);
        take_address(verdict, loaded->address);
        fuzz_require(loaded->state >= 0 && loaded->state < _RESET_STATE_MAX && loaded->owner >= 0 && loaded->owner < _OWNER_MAX);
        verdict_add_value(verdict, loaded->state);
        fuzz_require(loaded->home.n_functions <= FUNCTIONS_MAX);
        for (size_t i = 0; i < loaded->home.n_functions; i++) {
                take_address(verdict, loaded->home.functions[i].address);
                take_field(verdict, loaded->home.functions[i].driver);
                take_field(verdict, loaded->home.functions[i].driver_override);
        }
        take_field(verdict, loaded->lease.domain_name);
        fuzz_require(isempty(loaded->lease.domain_uuid) || text_is_uuid(loaded->lease.domain_uuid));
}

static void take_operation(FuzzVerdict *verdict, const StoredOperation *loaded) {
        const Plan *plan = &loaded->plan;

        take_field(verdict, loaded->id);
        if (isempty(loaded->boot_id)) {
                fuzz_require(loaded->n_started == 0 && plan->n_steps == 0);
                return verdict_refuse(verdict, "operation %s: makes no sense", loaded->id);
        }
        take_field(verdict, loaded->boot_id);
        take_field(verdict, loaded->domain_name);
        take_address(verdict, loaded->address);
        fuzz_require(plan->n_steps <= STEPS_MAX && loaded->n_started <= plan->n_steps && loaded->helper_pid >= 0);
        for (size_t i = 0; i < plan->n_steps; i++) {
                fuzz_require(plan->steps[i].kind >= 0 && plan->steps[i].kind < _STEP_KIND_MAX);
                fuzz_require(plan->steps[i].n_registers <= REGISTERS_MAX);
                take_address(verdict, plan->steps[i].address);
                take_field(verdict, plan->steps[i].text);
                take_field(verdict, plan->steps[i].before);
        }
}

typedef struct Walk {
        Store *store;
        FuzzVerdict *verdict;
        size_t n;
} Walk;

static int on_operation(const StoredOperation *loaded, void *userdata) {
        Walk *walk = userdata;

        walk->n++;
        take_operation(walk->verdict, loaded);
        int r = store_end_operation(walk->store, loaded->id, "failed", "found at start", 1);
        if (r < 0)
                verdict_refuse(walk->verdict, "operation %s: cannot be ended: %s", loaded->id, strerror(-r));
        return walk->n < 64 ? 0 : -E2BIG;
}

static int on_outcome(const ResetOutcome *loaded, void *userdata) {
        FuzzVerdict *verdict = userdata;

        take_field(verdict, loaded->family);
        take_field(verdict, loaded->kernel);
        take_field(verdict, loaded->method);
        fuzz_require(loaded->n_tries <= INT64_MAX && loaded->n_successes <= INT64_MAX && loaded->n_failures <= INT64_MAX);
        return 0;
}

static void take_evidence(FuzzVerdict *verdict, const EvidenceList *list) {
        fuzz_require(list->n <= EVIDENCE_SHOWN_MAX && list->n_ever >= list->n);
        for (size_t i = 0; i < list->n; i++) {
                const Evidence *evidence = &list->entries[i];
                take_field(verdict, evidence->reason);
                (void) evidence_event_to_string(evidence->event);
                (void) evidence_state_to_string(evidence->from);
                fuzz_require(evidence->to >= 0 && evidence->to < _RESET_STATE_MAX);
        }
}

static void refuse(FuzzVerdict *verdict, const char *what, int r) {
        verdict->error = r == -ENOMEM ? r : verdict->error;
        verdict_refuse(verdict, "%s: %s", what, strerror(-r));
}

static void use(Store *store, bool is_new, FuzzVerdict *verdict) {
        static StoredCard loaded;
        static EvidenceList evidence;
        Walk walk = { .store = store, .verdict = verdict };

        int r = store_each_operation(store, on_operation, &walk);
        if (r < 0)
                refuse(verdict, "operations", r);
        else if (walk.n == 0 && !is_new)
                verdict_refuse(verdict, "operations: none");
        r = store_load_card(store, IDENTITY, &loaded);
        if (r == 0)
                take_card(verdict, &loaded);
        else
                refuse(verdict, "card", r);
        r = store_load_evidence(store, IDENTITY, BOOT_ID, &evidence);
        if (r == 0)
                take_evidence(verdict, &evidence);
        else
                refuse(verdict, "evidence", r);
        r = store_each_outcome(store, on_outcome, verdict);
        if (r == 0)
                r = store_count_outcome(store, &outcome, OUTCOME_SUCCEEDED);
        if (r < 0)
                refuse(verdict, "outcomes", r);
        r = store_save_card(store, &card);
        if (r == 0)
                r = store_load_card(store, IDENTITY, &loaded);
        if (r < 0)
                refuse(verdict, "card cannot be saved", r);
        /* A file of our own making has to work. */
        fuzz_require(r == 0 || !is_new || allocations_have_failed(), "%s", strerror(-r));
}

static void require_same(const char *name) {
        size_t n = read_whole(name, found);

        fuzz_require(n == image_size && memcmp(found, image, n) == 0, "%s is not as it was", name);
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        Store *store = NULL;
        char *aside = NULL;

        allocations_go_on(false);
        lay_down(data, size);
        allocations_go_on(true);
        int r = store_open(path, &store, &aside);
        if (r == -EPROTONOSUPPORT)
                require_same(path);
        if (r < 0)
                refuse(ret, "store", r);
        else if (aside) {
                verdict_refuse(ret, "store: set aside");
                require_same(aside);
        }
        if (r == 0)
                use(store, aside, ret);
        store_free(store);
        free(aside);
        allocations_go_on(false);
        empty_folder();
}
