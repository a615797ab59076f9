/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfuse's low-level interface, which lets a request be answered later: that is how a write hangs. Nothing is cached by
 * the kernel, since links and attributes change without anybody writing to them.
 */

#define FUSE_USE_VERSION 35

#include "fuse.h"

#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "op.h"

#define TEXT_SIZE 4096U

typedef struct Handle {
        Node *node;
        bool privileged; /* may read all of configuration space */
        bool has_group;
        size_t n;        /* of a text, or of a folder's entries */
        char *text;
        uint64_t log_at; /* behind the last record that was read */
        uint64_t log_lost; /* bytes that were overwritten before they were read: a file's offset does not know of them */
        struct fuse_pollhandle *poll;
        struct Handle *next;
} Handle;

static Handle *log_readers;

/* What the kernel knows a file by: see name_for(). */
typedef struct Name {
        Node *node;
} Name;

static Node *node_of(fuse_ino_t ino) {
        return ino == FUSE_ROOT_ID ? tree_root : ((Name *) (uintptr_t) ino)->node;
}

/*
 * The kernel locks a FUSE inode for the time of a write, which sysfs does not: behind an unbind that hangs, the unbind of
 * another device would wait. So each lookup of a file that can be written gives a new inode, and with it a new lock.
 * Not so for what is watched by inotify or polled.
 */
static fuse_ino_t name_for(Node *node) {
        bool shared = node->kind != NODE_FILE || !(node->mode & 0222) || node->attribute == ATTRIBUTE_GROUP ||
                      node->attribute == ATTRIBUTE_LOG;

        if (node == tree_root)
                return FUSE_ROOT_ID;
        if (shared && node->name_of_all)
                return (fuse_ino_t) (uintptr_t) node->name_of_all;
        Name *name = calloc(1, sizeof(*name));
        if (!name)
                abort();
        name->node = node;
        if (shared)
                node->name_of_all = name;
        return (fuse_ino_t) (uintptr_t) name;
}

static Handle *handle_of(const struct fuse_file_info *info) {
        return (Handle *) (uintptr_t) info->fh;
}

static void fill(const Node *node, struct stat *st) {
        *st = (struct stat){ .st_ino = (ino_t) (uintptr_t) node, .st_mode = node->mode, .st_nlink = 1 };
        if (node->kind == NODE_FOLDER)
                st->st_nlink = 2;
        else if (node->kind == NODE_LINK)
                st->st_size = (off_t) strlen(node->text);
        else if (node->attribute == ATTRIBUTE_CONFIG)
                st->st_size = (off_t) node->function->config_size;
        else
                st->st_size = TEXT_SIZE;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
        const Node *folder = node_of(parent);
        Node *node = folder->gone ? NULL : node_child(folder, name);
        struct fuse_entry_param entry = { 0 };

        if (!node) {
                (void) fuse_reply_err(req, ENOENT);
                return;
        }
        entry.ino = name_for(node);
        fill(node, &entry.attr);
        (void) fuse_reply_entry(req, &entry);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n) {
        Name *name = (Name *) (uintptr_t) ino;

        /* One that is handed out once only; the others stay with their node. */
        if (ino != FUSE_ROOT_ID && name->node->name_of_all != name)
                free(name);
        fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        struct stat st;

        fill(node_of(ino), &st);
        (void) fuse_reply_attr(req, &st, 0);
}

/* "echo >" truncates first, which means nothing to an attribute. */
static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int to_set, struct fuse_file_info *info) {
        on_getattr(req, ino, info);
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino) {
        const Node *node = node_of(ino);

        if (node->gone)
                (void) fuse_reply_err(req, ENOENT);
        else
                (void) fuse_reply_readlink(req, node->text);
}

/* CAP_SYS_ADMIN in the effective set of the opener: without it the kernel shows 64 bytes (pci_read_config()). */
static bool is_privileged(pid_t pid) {
        char path[64], line[256];
        unsigned long long capabilities = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/status", pid);
        FILE *f = fopen(path, "re");
        if (!f)
                return true; /* it opens from another pid namespace, as the harness' own readers may */
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "CapEff: %llx", &capabilities) == 1)
                        break;
        (void) fclose(f);
        return capabilities >> 21 & 1;
}

static Handle *handle_new(Node *node) {
        Handle *handle = calloc(1, sizeof(*handle));

        if (!handle)
                abort();
        handle->node = node;
        return handle;
}

/* A group can be opened once (vfio_group_fops_open()). */
static void group_opened(Op *op, int error) {
        fuse_req_t req = op->request;
        Card *card = group_card(op->node->number);
        Handle *handle = handle_new(op->node);
        struct fuse_file_info info = { .fh = (uintptr_t) handle, .direct_io = 1 };

        if (error == 0)
                error = op->node->gone ? -ENODEV : card->group_held ? -EBUSY : 0;
        if (error < 0) {
                free(handle);
                (void) fuse_reply_err(req, -error);
                return;
        }
        card->group_held = handle->has_group = true;
        (void) fuse_reply_open(req, &info);
}

static Op *op_new(OpKind kind, Node *node, fuse_req_t req, void (*done)(Op *op, int error)) {
        Op *op = calloc(1, sizeof(*op));

        if (!op)
                abort();
        op->kind = kind;
        op->node = node;
        op->request = req;
        op->done = done;
        return op;
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        Node *node = node_of(ino);

        if (node->gone) {
                (void) fuse_reply_err(req, ENODEV);
                return;
        }
        if (node->attribute == ATTRIBUTE_GROUP) {
                op_start(op_new(OP_OPEN, node, req, group_opened));
                return;
        }
        Handle *handle = handle_new(node);
        handle->privileged = node->attribute != ATTRIBUTE_CONFIG || is_privileged(fuse_req_ctx(req)->pid);
        if (node->attribute == ATTRIBUTE_LOG) {
                handle->next = log_readers;
                log_readers = handle;
        }
        info->fh = (uintptr_t) handle;
        info->direct_io = 1;
        (void) fuse_reply_open(req, info);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        Handle *handle = handle_of(info);

        if (handle->has_group)
                group_card(handle->node->number)->group_held = false;
        for (Handle **at = &log_readers; *at; at = &(*at)->next)
                if (*at == handle) {
                        *at = handle->next;
                        break;
                }
        if (handle->poll)
                fuse_pollhandle_destroy(handle->poll);
        free(handle->text);
        free(handle);
        (void) fuse_reply_err(req, 0);
}

static void read_log(fuse_req_t req, Handle *handle, size_t size, uint64_t offset) {
        uint64_t at = offset + handle->log_lost, oldest = kernel_log_oldest();

        if (at < oldest) {
                handle->log_lost += oldest - at;
                (void) fuse_reply_err(req, EPIPE);
                return;
        }
        char *buffer = malloc(size ? size : 1);
        size_t n = buffer ? kernel_log_record(at, buffer, size) : 0;

        handle->log_at = at + n;
        (void) fuse_reply_buf(req, buffer, n);
        free(buffer);
}

static void read_done(Op *op, int error) {
        fuse_req_t req = op->request;
        Handle *handle = op->userdata;
        Node *node = op->node;
        uint8_t bytes[SIM_CONFIG_SIZE];

        if (error == 0 && node->gone)
                error = -ENODEV;
        if (error < 0) {
                (void) fuse_reply_err(req, -error);
                return;
        }
        if (node->attribute == ATTRIBUTE_CONFIG) {
                size_t limit = handle->privileged ? op->function->config_size : 64;
                size_t n = op->offset >= limit ? 0 : limit - op->offset;
                n = config_read(op->function, op->offset, bytes, n < op->size ? n : op->size);
                (void) fuse_reply_buf(req, (char *) bytes, n);
                return;
        }
        /* As a seq_file: the text is made at its beginning, later reads go on in it. */
        if (op->offset == 0 || !handle->text) {
                if (!handle->text)
                        handle->text = malloc(TEXT_SIZE);
                ssize_t n = handle->text ? attribute_render(node, handle->text, TEXT_SIZE) : -ENOMEM;
                if (n < 0) {
                        (void) fuse_reply_err(req, (int) -n);
                        return;
                }
                handle->n = (size_t) n;
        }
        size_t n = op->offset < handle->n ? handle->n - op->offset : 0;
        (void) fuse_reply_buf(req, handle->text + op->offset, n < op->size ? n : op->size);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
        Handle *handle = handle_of(info);

        if (handle->node->attribute == ATTRIBUTE_LOG) {
                read_log(req, handle, size, (uint64_t) offset);
                return;
        }
        Op *op = op_new(OP_READ, handle->node, req, read_done);
        op->userdata = handle;
        op->offset = (size_t) offset;
        op->size = size < SIM_CONFIG_SIZE ? size : SIM_CONFIG_SIZE;
        op_start(op);
}

static void write_done(Op *op, int error) {
        if (error < 0)
                (void) fuse_reply_err(op->request, -error);
        else
                (void) fuse_reply_write(op->request, op->size);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
                     struct fuse_file_info *info) {
        Node *node = handle_of(info)->node;

        if (node->attribute == ATTRIBUTE_LOG) {
                char line[1024];
                (void) snprintf(line, sizeof(line), "%.*s", (int) (size < sizeof(line) ? size : sizeof(line) - 1), bytes);
                kernel_log_user(line);
                (void) fuse_reply_write(req, size);
                return;
        }
        if (size > SIM_CONFIG_SIZE) {
                (void) fuse_reply_err(req, EINVAL);
                return;
        }
        if (node->attribute == ATTRIBUTE_CONFIG) {
                if ((size_t) offset >= node->function->config_size) {
                        (void) fuse_reply_err(req, EFBIG);
                        return;
                }
                if (size > node->function->config_size - (size_t) offset)
                        size = node->function->config_size - (size_t) offset;
        }
        Op *op = op_new(OP_WRITE, node, req, write_done);
        memcpy(op->value, bytes, size);
        op->size = size;
        op->offset = (size_t) offset;
        op_start(op);
}

static void on_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info, struct fuse_pollhandle *poll) {
        Handle *handle = handle_of(info);
        unsigned events = POLLIN | POLLOUT;

        if (handle->node->attribute == ATTRIBUTE_LOG)
                events = handle->log_at < kernel_log_size() ? POLLIN : 0;
        if (poll) {
                if (handle->poll)
                        fuse_pollhandle_destroy(handle->poll);
                handle->poll = poll;
        }
        (void) fuse_reply_poll(req, events);
}

void kernel_log_changed(void) {
        for (Handle *handle = log_readers; handle; handle = handle->next)
                if (handle->poll) {
                        (void) fuse_lowlevel_notify_poll(handle->poll);
                        fuse_pollhandle_destroy(handle->poll);
                        handle->poll = NULL;
                }
}

static void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        Node *folder = node_of(ino);
        Handle *handle = handle_new(folder);
        size_t size = 0;

        /* One list for as long as the folder is open, whatever comes and goes meanwhile. */
        for (const Node *node = folder->children; node && !folder->gone; node = node->next) {
                struct stat st;
                fill(node, &st);
                size_t n = fuse_add_direntry(req, NULL, 0, node->name, NULL, 0);
                char *more = realloc(handle->text, size + n);
                if (!more)
                        abort();
                handle->text = more;
                (void) fuse_add_direntry(req, more + size, n, node->name, &st, (off_t) (size + n));
                size += n;
        }
        handle->n = size;
        info->fh = (uintptr_t) handle;
        (void) fuse_reply_open(req, info);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
        Handle *handle = handle_of(info);
        size_t at = (size_t) offset;

        if (at >= handle->n)
                (void) fuse_reply_buf(req, NULL, 0);
        else
                (void) fuse_reply_buf(req, handle->text + at, handle->n - at < size ? handle->n - at : size);
}

static void on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        Handle *handle = handle_of(info);

        free(handle->text);
        free(handle);
        (void) fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops operations = {
        .lookup = on_lookup,
        .forget = on_forget,
        .getattr = on_getattr,
        .setattr = on_setattr,
        .readlink = on_readlink,
        .open = on_open,
        .release = on_release,
        .read = on_read,
        .write = on_write,
        .poll = on_poll,
        .opendir = on_opendir,
        .readdir = on_readdir,
        .releasedir = on_releasedir,
};

static void serve(struct fuse_session *session) {
        struct pollfd fds[] = { { .fd = fuse_session_fd(session), .events = POLLIN },
                                { .fd = machine.control, .events = POLLIN } };
        struct fuse_buf buffer = { 0 };

        while (!fuse_session_exited(session)) {
                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        break;
                if ((fds[1].revents & (POLLIN | POLLHUP)) && control_handle() != 0)
                        break;
                if (!(fds[0].revents & POLLIN))
                        continue;
                int n = fuse_session_receive_buf(session, &buffer);
                if (n == -EINTR || n == -EAGAIN)
                        continue;
                if (n <= 0)
                        break;
                fuse_session_process_buf(session, &buffer);
        }
        free(buffer.mem);
}

int files_serve(const char *mountpoint) {
        char *argv[] = { (char *) "simsys", (char *) "-oallow_other,default_permissions,fsname=simsys", NULL };
        struct fuse_args args = FUSE_ARGS_INIT(2, argv);
        struct fuse_session *session = fuse_session_new(&args, &operations, sizeof(operations), NULL);

        if (!session || fuse_session_mount(session, mountpoint) != 0) {
                (void) fprintf(stderr, "simsys: cannot mount a FUSE file system on %s\n", mountpoint);
                return -EIO;
        }
        control_event("ready");
        serve(session);
        /* The mount goes with the namespace. */
        fuse_session_destroy(session);
        return 0;
}
