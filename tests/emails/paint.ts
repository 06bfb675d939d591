import { DomUtils, parseDocument } from 'htmlparser2';

/** Words, and the colours in which a client paints them. */
export interface Painted {
  words: string;
  colour: string;
  ground: string;
}

type Node = ReturnType<typeof parseDocument>['children'][number];
type Colours = { colour: string | null; ground: string | null };
type Scheme = 'light' | 'dark';

/**
 * Computes what stands in which colour: the nearest element that has one, by its `style`, and with dark
 * colours by the rules for its classes, which have to win by `!important`.
 */
export function paint(html: string, scheme: Scheme): Painted[] {
  const document = parseDocument(html);
  const [sheet] = DomUtils.getElementsByTagName('style', document);
  const rules: Map<string, Colours> =
    scheme === 'dark' && sheet ? darkRules(DomUtils.textContent(sheet)) : new Map();
  const painted: Painted[] = [];

  const visit = (node: Node, around: Colours) => {
    if (DomUtils.isText(node) && node.data.trim() !== '') {
      const { colour, ground } = around;
      if (colour === null || ground === null) throw new Error(`no colour for: ${node.data}`);
      painted.push({ words: node.data.trim(), colour, ground });
    }
    if (!DomUtils.isTag(node) || node.name === 'head' || /display:none/.test(node.attribs['style'] ?? ''))
      return;
    const own = coloursOf(node.attribs['style'] ?? '');
    const classes = (node.attribs['class'] ?? '').split(' ');
    const [colour = own.colour ?? around.colour] = classes.flatMap((name) => rules.get(name)?.colour ?? []);
    const [ground = own.ground ?? around.ground] = classes.flatMap((name) => rules.get(name)?.ground ?? []);
    // The words that stand for a picture are painted like any others.
    const alt = node.attribs['alt']?.trim();
    if (alt && colour && ground) painted.push({ words: alt, colour, ground });
    for (const child of node.children) visit(child, { colour, ground });
  };
  for (const node of document.children) visit(node, { colour: null, ground: null });
  return painted;
}

function darkRules(sheet: string): Map<string, Colours> {
  const [, dark = ''] = /@media \(prefers-color-scheme: dark\) \{\n([\s\S]*?)\n\}/.exec(sheet) ?? [];
  const rules = new Map<string, Colours>();
  for (const [, name = '', declarations = ''] of dark.matchAll(/^ {2}\.(\w+) \{(.*)\}$/gm)) {
    const winning = declarations.split(';').filter((declaration) => declaration.includes('!important'));
    const { colour, ground } = coloursOf(winning.join(';'));
    const before = rules.get(name);
    rules.set(name, { colour: colour ?? before?.colour ?? null, ground: ground ?? before?.ground ?? null });
  }
  return rules;
}

function coloursOf(declarations: string): Colours {
  const of = (property: string) =>
    new RegExp(`(?:^|;)\\s*${property}:\\s*(#[\\da-f]{6})`).exec(declarations)?.[1] ?? null;
  return { colour: of('color'), ground: of('background-color') };
}
