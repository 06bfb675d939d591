// Node has WebAssembly, but TypeScript declares it only for browsers.
declare namespace WebAssembly {
  function instantiate(
    bytes: Uint8Array,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ instance: { exports: { [name: string]: unknown; __wbindgen_start(): void } } }>;
}
