/** Everything that the widget shows. The service writes it behind the code, so that no second request is made. */
export interface Offered {
  lists: OfferedList[];
  /** By locale; the first is for readers of none of them. */
  languages: Record<string, Spoken>;
}

export interface OfferedList {
  slug: string;
  name: string;
  description: string;
}

/** The widget's sentences, by what they are for. */
export interface Words {
  title: string;
  legend: string;
  email: string;
  submit: string;
  sending: string;
  unreachable: string;
  failed: string;
  done: string;
  next: string;
  another: string;
}

/** One language of the widget. */
export interface Spoken extends Words {
  dir: 'ltr' | 'rtl';
  consent: {
    version: string;
    text: string;
    /** Another one than that of the words where the publisher has no consent text in their language. */
    locale: string;
  };
}
