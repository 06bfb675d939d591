// What a person may say of themselves beside their address, whichever way it comes in.

export const longestName = 64;

/** Whether a text, trimmed, may stand in a mail as somebody's first name. */
export const isFirstName = (text: string): boolean =>
  text !== '' && text.length <= longestName && text.isWellFormed() && isSeen(text);

/** Whether a text is a language tag, such as `de` or `pt-BR`. */
export const isLanguageTag = (text: string): boolean => /^[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}$/i.test(text);

/** Whether nothing in a text is hidden, but for what makes an emoji of a character. */
export const isSeen = (text: string): boolean =>
  !/(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u.test(
    text,
  );
