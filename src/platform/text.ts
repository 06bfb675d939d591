/** JSON can carry what is no text: NUL and halves of characters, which the database would refuse. */
export const isText = (value: string) => value.isWellFormed() && !value.includes('\0');
