/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-sys.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/address.h"
#include "base/text.h"
#include "core/config-space.h"
#include "helper/operations.h"

FakeSys fake;

ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __real_write(int fd, const void *bytes, size_t size);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);

ssize_t __wrap_write(int fd, const void *bytes, size_t size) {
        char link[64], path[512], value[256];

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        size_t root_size = strlen(fake.root);
        if (root_size == 0 || strncmp(path, fake.root, root_size) != 0 || size >= sizeof(value))
                return __real_write(fd, bytes, size);

        memcpy(value, bytes, size);
        value[size] = '\0';
        fake.n_writes++;
        int error = fake.on_write ? fake.on_write(&fake, path + root_size, value) : 0;
        if (error == FAKE_SHORT_WRITE)
                return (ssize_t) size - 1;
        if (error != 0) {
                errno = error;
                return -1;
        }
        return __real_write(fd, bytes, size);
}

int __wrap_open(const char *path, int flags, ...) {
        size_t root_size = strlen(fake.root);
        va_list ap;

        va_start(ap, flags);
        mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        if (root_size > 0 && fake.on_look && strncmp(path, fake.root, root_size) == 0)
                (void) fake.on_look(&fake, path + root_size);
        if (root_size > 0 && strncmp(path, fake.root, root_size) == 0 && fake.on_any_open) {
                int error = fake.on_any_open(&fake, path + root_size);
                if (error != 0) {
                        errno = error;
                        return -1;
                }
        }
        if (root_size > 0 && strncmp(path, fake.root, root_size) == 0 &&
            strncmp(path + root_size, "/dev/", 5) == 0) {
                fake.n_opens++;
                int error = fake.on_open ? fake.on_open(&fake, path + root_size) : 0;
                if (error != 0) {
                        errno = error;
                        return -1;
                }
        }
        return __real_open(path, flags, mode);
}

static void full_path(const char *path, char buffer[static 512]) {
        ck_assert_int_eq(text_format(buffer, 512, "%s%s", fake.root, path), 0);
}

void fake_make_folder(const char *path) {
        char full[512];

        full_path(path, full);
        for (char *slash = full + strlen(fake.root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                (void) mkdir(full, 0755);
                *slash = '/';
        }
        (void) mkdir(full, 0755);
}

void fake_write_bytes(const char *path, const void *bytes, size_t size) {
        char folder[512], full[512];

        (void) text_copy(folder, sizeof(folder), path);
        *strrchr(folder, '/') = '\0';
        fake_make_folder(folder);
        full_path(path, full);
        FILE *f = fopen(full, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
        ck_assert_int_eq(fclose(f), 0);
}

void fake_write(const char *path, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        fake_write_bytes(path, text, (size_t) n);
}

void fake_read(const char *path, char *buffer, size_t size) {
        char full[512];

        full_path(path, full);
        FILE *f = fopen(full, "re");
        ck_assert_ptr_nonnull(f);
        buffer[fread(buffer, 1, size - 1, f)] = '\0';
        (void) fclose(f);
}

void fake_read_bytes(const char *path, void *bytes, size_t size) {
        char full[512];

        full_path(path, full);
        FILE *f = fopen(full, "re");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fread(bytes, 1, size, f), size);
        (void) fclose(f);
}

void fake_remove(const char *path) {
        char full[512];

        full_path(path, full);
        ck_assert_int_eq(remove(full), 0);
}

void fake_bind(const char *address, const char *driver) {
        char path[512], target[512];

        ck_assert_int_eq(
                text_format(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", fake.root, address), 0);
        (void) unlink(path);
        if (isempty(driver))
                return;
        ck_assert_int_eq(text_format(target, sizeof(target), "../../drivers/%s", driver), 0);
        ck_assert_int_eq(symlink(target, path), 0);
}

void fake_bound(const char *address, char driver[static DRIVER_NAME_SIZE]) {
        char path[512], target[512];

        ck_assert_int_eq(
                text_format(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", fake.root, address), 0);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        const char *slash = strrchr(target, '/');
        ck_assert_int_eq(text_copy(driver, DRIVER_NAME_SIZE, slash ? slash + 1 : ""), 0);
}

const char *fake_holder(const char *command, const char *node) {
        static char number[32];
        char path[512], full[512];
        struct stat st;

        ck_assert_int_eq(stat("/dev/null", &st), 0);
        (void) text_format(number, sizeof(number), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
        (void) text_copy(path, sizeof(path), node);
        *strrchr(path, '/') = '\0';
        fake_make_folder(path);
        full_path(node, full);
        ck_assert_int_eq(symlink("/dev/null", full), 0);
        fake_make_folder("/proc/4711/fd");
        fake_write("/proc/4711/comm", "%s\n", command);
        full_path("/proc/4711/fd/17", path);
        ck_assert_int_eq(symlink(full, path), 0);
        return number;
}

static void put(uint8_t *config, size_t offset, size_t width, uint32_t value) {
        for (size_t i = 0; i < width; i++)
                config[offset + i] = (uint8_t) (value >> 8 * i);
}

void fake_config(uint8_t config[static CONFIG_SPACE_SIZE]) {
        memset(config, 0, CONFIG_SPACE_SIZE);
        put(config, 0x00, 4, 0x67df1002);
        put(config, 0x04, 2, 0x0407);
        put(config, 0x06, 2, 0x0010); /* has capabilities */
        put(config, 0x08, 4, 0x030000c7);
        put(config, 0x0c, 1, 0x10);
        put(config, 0x0e, 1, 0x80); /* multi-function, type 0 */
        put(config, 0x10, 4, 0xe000000c);
        put(config, 0x20, 4, 0x0000e001);
        put(config, 0x24, 4, 0xfea00000);
        put(config, 0x34, 1, 0x50);
        put(config, 0x3c, 1, 11);
        put(config, 0x50, 2, 0x5801); /* power management, next 0x58; in D0 */
        put(config, 0x58, 2, 0xa010); /* Express, next 0xa0 */
        put(config, 0x5a, 2, 0x0012); /* version 2 */
        put(config, 0x60, 2, 0x2936);
        put(config, 0xa0, 2, 0x0011);      /* MSI-X, the last */
        put(config, 0x100, 4, 0x20010015); /* resizable BAR, next 0x200 */
        put(config, 0x108, 4, 0x00000c20);
}

static void fake_group(const char *address, int number) {
        char path[512], target[64];

        ck_assert_int_eq(text_format(path, sizeof(path), "%s/sys/bus/pci/devices/%s/iommu_group", fake.root, address),
                         0);
        ck_assert_int_eq(text_format(target, sizeof(target), "../../../kernel/iommu_groups/%d", number), 0);
        ck_assert_int_eq(symlink(target, path), 0);
}

static void fake_function(const char *address, uint32_t id, uint32_t class_code) {
        uint8_t config[CONFIG_SPACE_SIZE];
        char path[128];

        fake_config(config);
        put(config, 0, 4, id);
        put(config, 0x09, 3, class_code);
        (void) text_format(path, sizeof(path), "/sys/bus/pci/devices/%s/config", address);
        fake_write_bytes(path, config, sizeof(config));
        (void) text_format(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
        fake_write(path, "(null)\n");
        (void) text_format(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", address);
        fake_write(path, "on\n");
        (void) text_format(path, sizeof(path), "/sys/bus/pci/devices/%s/d3cold_allowed", address);
        fake_write(path, "1\n");
        (void) text_format(path, sizeof(path), "/sys/bus/pci/devices/%s/power_state", address);
        fake_write(path, "D0\n");
        (void) text_format(path, sizeof(path), "/sys/bus/pci/devices/%s/class", address);
        fake_write(path, "0x%06x\n", class_code);
        fake_group(address, 12);
}

void fake_setup(void) {
        static const char *const drivers[] = { "amdgpu", "snd_hda_intel", "vfio-pci", "pci-stub" };
        char path[128];

        fake = (FakeSys){ .root = "/tmp/gpuswitch-test-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(fake.root));
        fake_function("0000:01:00.0", 0x67df1002, 0x030000);
        fake_function("0000:01:00.1", 0xaaf01002, 0x040300);
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                (void) text_format(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", drivers[i]);
                fake_write(path, "%s", "");
                (void) text_format(path, sizeof(path), "/sys/bus/pci/drivers/%s/unbind", drivers[i]);
                fake_write(path, "%s", "");
        }
        fake_write("/sys/bus/pci/drivers_probe", "%s", "");
        fake_make_folder("/proc");

        fake.helper = calloc(1, sizeof(*fake.helper));
        ck_assert_ptr_nonnull(fake.helper);
        *fake.helper = (Helper){ .root = fake.root, .card = { .bus = 1 }, .socket = -EBADF };
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

void fake_teardown(void) {
        free(fake.helper);
        (void) nftw(fake.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        fake = (FakeSys){ 0 };
}

HelperRequest fake_request(HelperVerb verb) {
        return (HelperRequest){
                .magic = HELPER_PROTOCOL_MAGIC,
                .version = HELPER_PROTOCOL_VERSION,
                .verb = verb,
                .address = { .bus = 1 },
                .iommu_group = 12,
                .timeout_usec = USEC_PER_SEC,
        };
}

HelperRequest fake_request_with_registers(HelperVerb verb) {
        HelperRequest request = fake_request(verb);
        ConfigRegister registers[REGISTERS_MAX];
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_config(config);
        request.n_registers = (uint32_t) config_registers(config, sizeof(config), registers);
        for (size_t i = 0; i < request.n_registers; i++)
                request.registers[i] = (HelperRegister){ .offset = registers[i].offset,
                                                         .width = registers[i].width,
                                                         .value = registers[i].value };
        return request;
}

int fake_run(const HelperRequest *request, HelperReply *ret_reply) {
        operation_run(fake.helper, request, ret_reply);
        /* Whoever fails says why, and who does not apply as well; who does not says nothing. */
        if (request->verb != HELPER_READ_GROUP || ret_reply->status != 0) /* whose answer it is */
                ck_assert_int_eq(ret_reply->status == 0, isempty(ret_reply->message));
        ck_assert_int_le(ret_reply->status, HELPER_NOT_APPLICABLE);
        return ret_reply->status;
}

static void make_link(const char *target, const char *path) {
        char full[512];

        full_path(path, full);
        (void) unlink(full);
        ck_assert_int_eq(symlink(target, full), 0);
}

void fake_move_below_port(void) {
        static const char old[] = "/sys/bus/pci/devices/0000:01:00.0";
        uint8_t config[CONFIG_SPACE_SIZE] = { 0x86, 0x80, 0x01, 0x19 };
        char from[512], to[512];

        fake_write_bytes("/sys/devices/pci0000:00/0000:00:01.0/config", config, sizeof(config));
        fake_write_bytes("/sys/bus/pci/devices/0000:00:02.0/config", config, sizeof(config));
        full_path(old, from);
        full_path("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0", to);
        ck_assert_int_eq(rename(from, to), 0);
        make_link("../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0", old);
        make_link("../../../devices/pci0000:00/0000:00:01.0", "/sys/bus/pci/devices/0000:00:01.0");
        /* What was relative leads nowhere now. */
        make_link("../../../../kernel/iommu_groups/12", "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/iommu_group");
}
