/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Folders of configuration files: which files count, and what is in one. */

#include <limits.h>

#include "policy/problem.h"

#define FOLDER_FILES_MAX 256U

typedef struct FolderFile {
        char name[NAME_MAX + 1];
        char path[PATH_TEXT_SIZE];
} FolderFile;

typedef struct Folder {
        FolderFile *files; /* in order of their names */
        size_t n_files;
} Folder;

/**
 * folder_list() - the *.json files of a folder, without those whose names begin with a dot
 * @path: NULL, or a folder that does not exist: empty
 *
 * What cannot be listed is reported. Return: 0, or -ENOMEM.
 */
int folder_list(const char *path, Problems *problems, Folder *ret_folder);
void folder_done(Folder *folder);

/** folder_find() - the file with that name, or NULL. */
const FolderFile *folder_find(const Folder *folder, const char *name);

/**
 * folder_read() - the text of one file
 * @ret_text: to be freed, with a NUL behind it. Size 0: the file is empty or a link to /dev/null.
 *
 * Never blocks: anything but regular files is refused without being opened.
 *
 * Return: 0; POLICY_E_REFUSED with the fault in @report; -ENOENT when it has just gone; -ENOMEM.
 */
int folder_read(const FolderFile *file, Report *report, char **ret_text, size_t *ret_size);
