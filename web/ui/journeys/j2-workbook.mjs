// Reads a workbook of Excel (ECMA-376: a zip of XML) as far as the exports of tables need it, and knows nothing of how they are written.
import { inflateRawSync } from 'node:zlib'

/** The files of a zip, by name, as its central directory lists them. */
export function unzip(bytes) {
  let end = bytes.length - 22
  while (end >= 0 && bytes.readUInt32LE(end) !== 0x06054b50) end--
  if (end < 0) throw new Error('no zip: it has no end of a central directory')
  const files = new Map()
  let at = bytes.readUInt32LE(end + 16)
  for (let n = bytes.readUInt16LE(end + 10); n > 0; n--) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) throw new Error(`no zip: no entry of the directory at ${at}`)
    const [method, size, nameLength, extra, comment, local] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30), bytes.readUInt16LE(at + 32), bytes.readUInt32LE(at + 42)]
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength)
    const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
    const packed = bytes.subarray(from, from + size)
    files.set(name, method === 0 ? packed : inflateRawSync(packed))
    at += 46 + nameLength + extra + comment
  }
  return files
}

const plain = (text) => text.replace(/&(lt|gt|quot|apos|amp|#x[0-9a-fA-F]+|#\d+);/g, (_, e) => ({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' })[e] ?? String.fromCodePoint(e[1] === 'x' ? parseInt(e.slice(2), 16) : parseInt(e.slice(1), 10)))
const texts = (xml) => plain([...xml.matchAll(/<t[^>]*>([^<]*)<\/t>/g)].map((m) => m[1]).join(''))
const attribute = (tag, name) => plain(new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(tag)?.[1] ?? '')
const column = (reference) => [.../^[A-Z]+/.exec(reference)[0]].reduce((n, c) => n * 26 + c.charCodeAt(0) - 64, 0) - 1

/** The sheets of a workbook in its order: name and rows of cells, numbers as numbers; a cell that is not there is undefined. */
export function sheets(bytes) {
  const files = unzip(bytes)
  const xml = (name) => files.get(name)?.toString('utf8') ?? ''
  const shared = [...xml('xl/sharedStrings.xml').matchAll(/<si>(.*?)<\/si>/gs)].map((m) => texts(m[1]))
  const targets = new Map([...xml('xl/_rels/workbook.xml.rels').matchAll(/<Relationship\s([^>]*)/g)].map((m) => [attribute(m[1], 'Id'), attribute(m[1], 'Target').replace(/^\/?(xl\/)?/, 'xl/')]))
  return [...xml('xl/workbook.xml').matchAll(/<sheet\s([^>]*)/g)].map((m) => ({ name: attribute(m[1], 'name'), rows: rowsOf(xml(targets.get(attribute(m[1], 'r:id'))), shared) }))
}

function rowsOf(xml, shared) {
  return [...xml.matchAll(/<row\b[^>]*?(?:\/>|>(.*?)<\/row>)/gs)].map((row) => {
    const cells = []
    for (const [, tag, inner = ''] of (row[1] ?? '').matchAll(/<c\b([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)) {
      const value = /<v>([^<]*)<\/v>/.exec(inner)?.[1]
      const type = attribute(tag, 't')
      const cell = type === 'inlineStr' ? texts(inner) : value === undefined ? undefined : type === 's' ? shared[Number(value)] : type === 'str' ? plain(value) : Number(value)
      cells[attribute(tag, 'r') ? column(attribute(tag, 'r')) : cells.length] = cell
    }
    return cells
  })
}
