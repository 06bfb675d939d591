/**
 * Everything that the widget shows. The service writes it behind the code, so that no second request is made;
 * without names for its parts, so that nine languages stay small.
 */
export interface Offered {
  lists: OfferedList[];
  /** By locale; the first is for readers of none of them. */
  languages: Record<string, Spoken>;
}

export type OfferedList = [slug: string, name: string, description: string];

/** One language of the widget. */
export type Spoken = [
  dir: 'ltr' | 'rtl',
  title: string,
  legend: string,
  email: string,
  submit: string,
  sending: string,
  unreachable: string,
  failed: string,
  done: string,
  next: string,
  another: string,
  consent: string,
  consentVersion: string,
];
