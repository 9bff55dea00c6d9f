/** Asks for files to import, whoever wants it: a button, a command, a first step. `DropZone` holds the field. */
export const FILES_FIELD = 'import-file'

export const chooseFiles = (): void => document.getElementById(FILES_FIELD)?.click()
