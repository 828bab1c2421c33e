// docs.js - renders the OpenAPI document that the server generates from its routes. Everything is set as text.
'use strict';

const element = (name, attributes, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) if (value !== undefined && value !== null) node.setAttribute(key, value);
  for (const child of children.flat()) if (child !== undefined && child !== null && child !== '') node.append(child);
  return node;
};

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
let spec;

const resolve = (node) => (node && node.$ref ? node.$ref.split('/').slice(1).reduce((at, key) => at && at[key.replaceAll('~1', '/')], spec) : node);
const refName = (node) => (node && node.$ref ? node.$ref.split('/').pop() : '');
const anchorOf = (operation) => 'call-' + operation.operationId;

// "integer 1..200", "array of Alert", "critical | high"
const typeOf = (schema) => {
  if (!schema) return 'any';
  if (schema.$ref) return refName(schema);
  if (schema.enum) return schema.enum.map((word) => (word === null ? 'null' : String(word))).join(' | ');
  const either = schema.anyOf || schema.oneOf;
  if (either) return either.map(typeOf).join(' or ');
  let text = Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type || 'any';
  if (text.startsWith('array')) text += ' of ' + typeOf(schema.items);
  if (text.startsWith('object') && schema.additionalProperties && typeof schema.additionalProperties === 'object') text = 'map of ' + typeOf(schema.additionalProperties);
  if (schema.format) text += ` (${schema.format})`;
  const low = schema.minimum ?? schema.minLength ?? schema.minItems;
  const high = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  if (low !== undefined || high !== undefined) text += ` ${low ?? ''}..${high ?? ''}`;
  return text;
};

const row = (name, required, schema, doc, depth) => {
  const cell = element('td', { class: 'name' }, element('code', {}, name), required ? element('span', { class: 'required' }, 'required') : null);
  if (depth) cell.style.setProperty('--depth', depth);
  const fallback = schema && schema.default !== undefined ? `Default ${JSON.stringify(schema.default)}. ` : '';
  return element('tr', {}, cell, element('td', { class: 'type' }, typeOf(schema)), element('td', {}, fallback + (doc || '')));
};

const nestedOf = (schema) => {
  if (!schema) return null;
  if (schema.$ref) return schema;
  if (schema.items) return nestedOf(schema.items);
  for (const part of schema.anyOf || schema.oneOf || []) if (nestedOf(part)) return nestedOf(part);
  return null;
};

const schemaRows = (schema, depth, seen) => {
  const rows = [];
  const object = resolve(schema);
  for (const [name, property] of Object.entries((object && object.properties) || {})) {
    rows.push(row(name, (object.required || []).includes(name), property, property.description, depth));
    const nested = nestedOf(property);
    if (nested && depth < 4 && !seen.includes(nested.$ref)) rows.push(...schemaRows(nested, depth + 1, [...seen, nested.$ref]));
  }
  return rows;
};

const table = (title, rows) => (rows.length ? [element('h4', {}, title), element('div', { class: 'scroll' }, element('table', {}, element('tbody', {}, rows)))] : []);

const contentOf = (part) => Object.entries((resolve(part) || {}).content || {});

const bodyOf = (part, title) => contentOf(part).slice(0, 1).flatMap(([type, media]) => {
  const types = contentOf(part).map(([name]) => name).join(', ');
  const rows = schemaRows(media.schema, 0, [media.schema && media.schema.$ref]);
  return rows.length ? table(`${title} (${types})`, rows) : [element('h4', {}, title), element('p', { class: 'note' }, types || type)];
});

const curlOf = (path, method, operation) => {
  const words = ['curl'];
  if (operation['x-role'] !== 'nobody') words.push('-H "Authorization: Bearer $AUSPEX_TOKEN"');
  if (method !== 'get') words.push(`-X ${method.toUpperCase()}`);
  if (operation.requestBody && contentOf(operation.requestBody).some(([type]) => type === 'application/json')) words.push("-H 'Content-Type: application/json' -d '{}'");
  return words.concat(`'${location.origin}${path}'`).join(' ');
};

const detailsOf = (path, method, operation) => {
  const parameters = (operation.parameters || []).map(resolve).filter((parameter) => parameter && parameter.name !== 'lang');
  const parts = [];
  if (operation.description) parts.push(element('p', {}, operation.description));
  parts.push(...table('Parameters', parameters.map((parameter) => row(parameter.name, parameter.required, parameter.schema, `${parameter.in === 'path' ? 'In the path. ' : ''}${parameter.description || ''}`, 0))));
  parts.push(...bodyOf(operation.requestBody, 'Body'));
  for (const [status, response] of Object.entries(operation.responses || {})) if (status !== 'default') parts.push(...bodyOf(response, `Answer ${status}`));
  if (!operation['x-websocket']) parts.push(element('h4', {}, 'Try it'), element('pre', {}, curlOf(path, method, operation)));
  return parts;
};

const callOf = (path, method, operation) => {
  const role = operation['x-role'];
  const details = element('details', { id: anchorOf(operation), class: 'call', 'data-text': `${method} ${path} ${operation.summary || ''} ${role}`.toLowerCase() },
    element('summary', {}, element('span', { class: `method ${method}` }, operation['x-websocket'] ? 'WS' : method.toUpperCase()), element('code', {}, path),
      element('span', { class: 'what' }, operation.summary), element('span', { class: 'role' }, role === 'nobody' ? 'open' : role)));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(element('div', { class: 'inside' }, detailsOf(path, method, operation)));
  });
  return details;
};

const render = () => {
  const groups = new Map();
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const method of METHODS) {
      if (!methods[method]) continue;
      const tag = (methods[method].tags || ['Other'])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(callOf(path, method, methods[method]));
    }
  }
  const names = [...groups.keys()].sort((a, b) => (a === 'Other') - (b === 'Other') || a.localeCompare(b));
  const main = document.getElementById('calls');
  main.replaceChildren(element('p', { class: 'note' }, `${spec.info.title} ${spec.info.version}. ${spec.info.description}`),
    ...names.map((name, index) => element('section', { id: `group-${index}`, 'aria-label': name }, element('h2', {}, name), groups.get(name))),
    element('p', { class: 'note', id: 'none', hidden: '' }, 'Nothing matches.'));
  document.getElementById('groups').replaceChildren(...names.map((name, index) => element('a', { href: `#group-${index}` }, name, element('span', {}, String(groups.get(name).length)))));
  const chosen = location.hash && document.getElementById(location.hash.slice(1));
  if (chosen) {
    if (chosen.tagName === 'DETAILS') chosen.open = true;
    chosen.scrollIntoView();
  }
};

const filter = (text) => {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll('main section')) {
    let here = 0;
    for (const call of section.querySelectorAll('.call')) {
      call.hidden = !words.every((word) => call.dataset.text.includes(word));
      here += !call.hidden;
    }
    section.hidden = here === 0;
    shown += here;
  }
  const none = document.getElementById('none');
  if (none) none.hidden = shown > 0;
};

const start = async () => {
  const state = document.getElementById('state');
  try {
    const response = await fetch('/api/openapi.json', { credentials: 'same-origin' });
    if (response.status === 401) {
      state.replaceChildren('The document is for those who are logged in. ', element('a', { href: '/' }, 'Log in'), ', then come back.');
      return;
    }
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    spec = await response.json();
    render();
    document.getElementById('filter').addEventListener('input', (event) => filter(event.target.value));
  } catch (error) {
    state.textContent = `The document could not be read: ${error.message}`;
  }
};

start();
