/** Limits of a canvas that the server enforces. Apart from the schema, so that Home knows them without loading Yjs. */
export const NAME_LIMIT = 200
export const BLOCK_LIMIT = 1000
