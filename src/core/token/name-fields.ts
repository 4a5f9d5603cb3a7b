/** How requests name another token. */
export const tokenField = {
  token: { type: 'string', help: 'The token.', sensitive: true, required: true },
} as const;
export const accessorField = {
  accessor: { type: 'string', help: 'The accessor.', required: true },
} as const;
