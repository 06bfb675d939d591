// The few members of the official client that we use; the package has no types of its own, and the
// community's cover neither `basePath` nor the writes to interests and merge fields.
declare module '@mailchimp/mailchimp_marketing/src/ApiClient.js' {
  /** The request of superagent, as far as the client hands it out before sending it. */
  interface OutgoingRequest {
    redirects(most: number): OutgoingRequest;
    maxResponseSize(bytes: number): OutgoingRequest;
  }

  class ApiClient {
    basePath: string;
    timeout: number;
    defaultHeaders: Record<string, string>;
    /** When true, `agent` sees each request before it leaves and each response. */
    enableCookies: boolean;
    agent: { attachCookies(request: OutgoingRequest): unknown; saveCookies(response: unknown): void };
    setConfig(config: { apiKey: string; server: string }): void;
    callApi(
      path: string,
      method: string,
      pathParameters: Record<string, string>,
      query: Record<string, unknown>,
      headers: Record<string, string>,
      form: Record<string, never>,
      body: unknown,
      authentications: string[],
      contentTypes: string[],
      accepts: string[],
      returnType: ObjectConstructor,
    ): Promise<{ data: unknown; response: { status: number; headers: Record<string, string> } }>;
  }

  export = ApiClient;
}
