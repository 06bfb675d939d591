export interface FieldError {
  field: string;
  message: string;
}

/** A refusal as the API words it; the router turns it into `application/problem+json`. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: FieldError[];

  constructor(status: number, title: string, detail: string, errors: FieldError[] = []) {
    super(`${status} ${title}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
  }
}

export const notFound = () =>
  new Problem(404, 'Resource Not Found', 'The requested resource could not be found.');

export const invalid = (detail: string) => new Problem(400, 'Invalid Resource', detail);

export const invalidFields = (errors: FieldError[]) =>
  new Problem(
    400,
    'Invalid Resource',
    "The resource submitted could not be validated. For field-specific details, see the 'errors' array.",
    errors,
  );

/** The problem as the body of an answer; `instance` names the request. */
export const problemBody = (
  {
    status,
    title,
    detail,
    errors = [],
  }: Pick<Problem, 'status' | 'title' | 'detail'> & Partial<Pick<Problem, 'errors'>>,
  instance: string,
) => ({
  type: 'https://mailchimp.com/developer/marketing/docs/errors/',
  title,
  status,
  detail,
  instance,
  ...(errors.length > 0 && { errors }),
});
