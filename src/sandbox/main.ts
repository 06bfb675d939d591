import { z } from 'zod';
import { startSandbox } from './sandbox.ts';

// The sandbox as a process of its own, so that services and load can use it from outside.

const port = z.coerce.number().int().min(0).max(65_534);
const settings = z.object({
  /** The pages and Mailchimp; SMTP takes the next one. 0 takes free ones. */
  SANDBOX_PORT: port.default(3001),
  /** Keeps audience and mails between starts; without it they are kept in memory. */
  SANDBOX_DIR: z.string().min(1).optional(),
  SANDBOX_AUDIENCE_ID: z
    .string()
    .regex(/^[0-9a-zA-Z]+$/)
    .optional(),
  /** Whether new webhooks get a secret that signs their calls. */
  SANDBOX_SIGNING: z.stringbool().default(false),
  /** Where the article's form posts to. */
  SANDBOX_SERVICE_URL: z.url().default('http://localhost:3000'),
});

async function main(): Promise<void> {
  const given = settings.parse(process.env);
  const sandbox = await startSandbox({
    port: given.SANDBOX_PORT,
    smtpPort: given.SANDBOX_PORT === 0 ? 0 : given.SANDBOX_PORT + 1,
    serviceUrl: given.SANDBOX_SERVICE_URL,
    folder: given.SANDBOX_DIR ?? null,
    audienceId: given.SANDBOX_AUDIENCE_ID,
    signing: given.SANDBOX_SIGNING,
  });
  const { baseUrl, apiKey, audienceId } = sandbox.mailchimp;
  // As a service takes it from its environment.
  const environment = {
    MAILCHIMP_BASE_URL: baseUrl,
    MAILCHIMP_API_KEY: apiKey,
    MAILCHIMP_AUDIENCE_ID: audienceId,
    SMTP_URL: sandbox.smtpUrl,
  };
  const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  process.stdout.write(`The sandbox is ready: ${words.join(' ')}\n`);

  const stop = async () => {
    process.removeListener('SIGTERM', stop).removeListener('SIGINT', stop);
    await sandbox.stop();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

main().catch((error: unknown) => {
  const reason =
    error instanceof z.ZodError
      ? z.prettifyError(error)
      : error instanceof Error
        ? error.message
        : 'unknown error';
  process.stderr.write(`The sandbox cannot start: ${reason}\n`);
  process.exitCode = 1;
});
