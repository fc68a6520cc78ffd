/*
 * What the widget may not do, as lint rules: make HTML from strings, evaluate strings, write inline styles. Each would
 * break under a strict Content-Security-Policy, and the first two are how cross-site scripting happens.
 * Run from the project's root (`npm run lint` does): files outside eslint's folder are not looked at.
 */
const HTML = ['innerHTML', 'outerHTML', 'srcdoc', 'setHTMLUnsafe', 'insertAdjacentHTML', 'createContextualFragment', 'parseFromString', 'parseHTMLUnsafe'];
const BROWSER = [
  'AbortController', 'AbortSignal', 'Blob', 'CSS', 'CustomEvent', 'DOMException', 'EventTarget', 'FormData', 'Intl', 'TextEncoder', 'URL',
  'URLSearchParams', 'XMLHttpRequest', 'addEventListener', 'alert', 'btoa', 'clearTimeout', 'console', 'createImageBitmap',
  'crypto', 'customElements', 'document', 'localStorage', 'navigator', 'performance', 'queueMicrotask', 'requestAnimationFrame', 'setTimeout',
];
const NODE = ['Buffer', 'Event', 'File', 'process'];
const named = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

const banned = [
  { selector: `MemberExpression[property.name=/^(${HTML.join('|')})$/]`, message: 'HTML from a string: build nodes instead.' },
  { selector: `Literal[value=/^(${HTML.join('|')})$/]`, message: 'HTML from a string, by name.' },
  { selector: "MemberExpression[property.name=/^(style|cssText|attributeStyleMap)$/]", message: 'Inline style: use a class or an attribute.' },
  { selector: "CallExpression[callee.property.name='setAttribute'][arguments.0.value='style']", message: 'Inline style.' },
  { selector: "CallExpression[callee.name='make'] > ObjectExpression > Property[key.name='style']", message: 'Inline style.' },
  { selector: "CallExpression[callee.object.name='document'][callee.property.name=/^write/]", message: 'document.write.' },
  { selector: 'Literal[value=/^(blob|data|javascript):/]', message: 'A URL that a strict policy refuses.' },
  { selector: "CallExpression[callee.property.name='createObjectURL']", message: 'A blob: URL, which a strict policy refuses.' },
];

const everywhere = {
  'array-callback-return': 'error',
  'consistent-return': 'off', // tsc knows better what returns what
  'default-param-last': 'error',
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-array-constructor': 'error',
  'no-caller': 'error',
  'no-console': ['error', { allow: ['warn', 'log'] }],
  'no-const-assign': 'error',
  'no-constant-condition': 'error',
  'no-debugger': 'error',
  'no-dupe-keys': 'error',
  'no-duplicate-case': 'error',
  'no-empty': 'error',
  'no-eval': 'error',
  'no-fallthrough': 'error',
  'no-global-assign': 'error',
  'no-implied-eval': 'error',
  'no-new-func': 'error',
  'no-promise-executor-return': 'off', // an executor's return value is ignored, and one line is shorter than two
  'no-script-url': 'error',
  'no-self-compare': 'error',
  'no-shadow': 'error',
  'no-undef': 'error',
  'no-unreachable': 'error',
  'no-unused-private-class-members': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true }],
  'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
  'no-useless-assignment': 'error',
  'no-useless-catch': 'error',
  'no-useless-return': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'prefer-template': 'off',
  'require-atomic-updates': 'off', // every file's state belongs to one running function
  'valid-typeof': 'error',
};

export default [
  { ignores: ['**/node_modules/', '**/*.min.js', '**/js/fileuploader.js'] },
  {
    files: ['**/*.js'],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: named([...BROWSER, ...NODE]) },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: everywhere,
  },
  {
    files: ['**/ajax-upload.js'],
    languageOptions: { sourceType: 'script', globals: named(BROWSER) },
    rules: { 'no-restricted-syntax': ['error', ...banned] },
  },
];
