/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file layer under SQLite that fails, tears or kills at the Nth write. Counting makes it exhaustive
 * and repeatable: run with N = 1, 2, ... until a run ends without having met its fault.
 */

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"

typedef enum FaultKind {
        FAULT_NONE,
        FAULT_FULL,      /* the write fails: no space */
        FAULT_TORN,      /* half of it is written, then an I/O error */
        FAULT_KILL,      /* the process dies before the write */
        FAULT_TORN_KILL, /* the process dies in the middle of the write */
        FAULT_READ,      /* reads are counted, and fail */
} FaultKind;

static struct {
        FaultKind kind;
        unsigned at;    /* which one, from 1 */
        bool for_ever;  /* and all behind it */
        unsigned count; /* how many there were */
} fault;

typedef struct FaultFile {
        sqlite3_file base;
        sqlite3_file *real; /* in the same allocation */
} FaultFile;

static sqlite3_vfs *fault_real_vfs;

static sqlite3_file *fault_real(sqlite3_file *file) {
        return ((FaultFile *) file)->real;
}

static _unused_ void fault_set(FaultKind kind, unsigned at, bool for_ever) {
        fault.kind = kind;
        fault.at = at;
        fault.for_ever = for_ever;
        fault.count = 0;
}

/* Has the fault been met? */
static _unused_ bool fault_met(void) {
        return fault.count >= fault.at;
}

static bool fault_is_due(void) {
        fault.count++;
        return fault.for_ever ? fault.count >= fault.at : fault.count == fault.at;
}

/* For whatever changes a file and has no length. */
static int fault_before_change(void) {
        if (fault.kind == FAULT_NONE || fault.kind == FAULT_READ || !fault_is_due())
                return SQLITE_OK;
        if (fault.kind == FAULT_KILL || fault.kind == FAULT_TORN_KILL)
                (void) raise(SIGKILL);
        return fault.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR;
}

static int fault_close(sqlite3_file *file) {
        return fault_real(file)->pMethods->xClose(fault_real(file));
}

static int fault_read(sqlite3_file *file, void *data, int n, sqlite3_int64 offset) {
        if (fault.kind == FAULT_READ && fault_is_due())
                return SQLITE_IOERR_READ;
        return fault_real(file)->pMethods->xRead(fault_real(file), data, n, offset);
}

static int fault_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset) {
        sqlite3_file *real = fault_real(file);

        if (fault.kind != FAULT_NONE && fault.kind != FAULT_READ && fault_is_due()) {
                if (fault.kind == FAULT_TORN || fault.kind == FAULT_TORN_KILL)
                        (void) real->pMethods->xWrite(real, data, n / 2, offset);
                if (fault.kind == FAULT_KILL || fault.kind == FAULT_TORN_KILL)
                        (void) raise(SIGKILL);
                return fault.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        }
        return real->pMethods->xWrite(real, data, n, offset);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size) {
        int code = fault_before_change();
        return code != SQLITE_OK ? code : fault_real(file)->pMethods->xTruncate(fault_real(file), size);
}

static int fault_sync(sqlite3_file *file, int flags) {
        int code = fault_before_change();
        return code != SQLITE_OK ? code : fault_real(file)->pMethods->xSync(fault_real(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size) {
        return fault_real(file)->pMethods->xFileSize(fault_real(file), size);
}

static int fault_lock(sqlite3_file *file, int level) {
        return fault_real(file)->pMethods->xLock(fault_real(file), level);
}

static int fault_unlock(sqlite3_file *file, int level) {
        return fault_real(file)->pMethods->xUnlock(fault_real(file), level);
}

static int fault_reserved(sqlite3_file *file, int *result) {
        return fault_real(file)->pMethods->xCheckReservedLock(fault_real(file), result);
}

static int fault_control(sqlite3_file *file, int op, void *arg) {
        return fault_real(file)->pMethods->xFileControl(fault_real(file), op, arg);
}

static int fault_sector_size(sqlite3_file *file) {
        return fault_real(file)->pMethods->xSectorSize(fault_real(file));
}

static int fault_characteristics(sqlite3_file *file) {
        return fault_real(file)->pMethods->xDeviceCharacteristics(fault_real(file));
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map) {
        int code = extend ? fault_before_change() : SQLITE_OK;
        return code != SQLITE_OK
                       ? code
                       : fault_real(file)->pMethods->xShmMap(fault_real(file), page, size, extend, map);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
        return fault_real(file)->pMethods->xShmLock(fault_real(file), offset, n, flags);
}

static void fault_shm_barrier(sqlite3_file *file) {
        fault_real(file)->pMethods->xShmBarrier(fault_real(file));
}

static int fault_shm_unmap(sqlite3_file *file, int delete) {
        return fault_real(file)->pMethods->xShmUnmap(fault_real(file), delete);
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync) {
        int code = fault_before_change();
        return code != SQLITE_OK ? code : fault_real_vfs->xDelete(fault_real_vfs, name, sync);
}

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags) {
        /* Version 2: shared memory, but no mapped pages, so that every read and write is seen. */
        static const sqlite3_io_methods methods = {
                .iVersion = 2,
                .xClose = fault_close,
                .xRead = fault_read,
                .xWrite = fault_write,
                .xTruncate = fault_truncate,
                .xSync = fault_sync,
                .xFileSize = fault_size,
                .xLock = fault_lock,
                .xUnlock = fault_unlock,
                .xCheckReservedLock = fault_reserved,
                .xFileControl = fault_control,
                .xSectorSize = fault_sector_size,
                .xDeviceCharacteristics = fault_characteristics,
                .xShmMap = fault_shm_map,
                .xShmLock = fault_shm_lock,
                .xShmBarrier = fault_shm_barrier,
                .xShmUnmap = fault_shm_unmap,
        };
        FaultFile *own = (FaultFile *) file;

        own->real = (sqlite3_file *) (own + 1);
        int code = fault_real_vfs->xOpen(fault_real_vfs, name, own->real, flags, ret_flags);
        own->base.pMethods = code == SQLITE_OK ? &methods : NULL;
        return code;
}

/* From now on every connection goes through here. */
static _unused_ void fault_install(void) {
        static sqlite3_vfs vfs;

        fault_real_vfs = sqlite3_vfs_find(NULL);
        vfs = *fault_real_vfs;
        vfs.zName = "fault";
        vfs.szOsFile = (int) sizeof(FaultFile) + fault_real_vfs->szOsFile;
        vfs.xOpen = fault_open;
        vfs.xDelete = fault_delete;
        if (sqlite3_vfs_register(&vfs, /* makeDflt= */ 1) != SQLITE_OK)
                abort();
}
