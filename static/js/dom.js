// @ts-check
/** Small helpers for pages whose markup comes from templates. */

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any} the part, which the templates promise
 */
export function part(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/**
 * Set a text. What stays the same is not touched, so that selections, focus and screen readers are left alone.
 *
 * @param {ParentNode} root
 * @param {string} selector
 * @param {string} text
 */
export function tell(root, selector, text) {
  const element = part(root, selector);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Run at most once in a while, at the end of it.
 *
 * @param {() => void} run
 * @param {number} every  milliseconds
 */
export function seldom(run, every) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      run();
    }, every);
  };
}

/** @param {MouseEvent | KeyboardEvent} event  whether no key is held that gives it another meaning */
export function isPlain(event) {
  return !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}

/** @param {EventTarget | null} target  whether keys that are pressed there write something, or choose in a field */
export function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/**
 * Make a list's elements match its items, reusing those that are there.
 *
 * @template T
 * @param {HTMLElement} list
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} create
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function matchList(list, items, keyOf, create, update) {
  const left = new Map([...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  items.forEach((item, place) => {
    const key = keyOf(item);
    const known = /** @type {HTMLElement | undefined} */ (left.get(key));
    left.delete(key);
    const element = known ?? create(item);
    element.dataset.key = key;
    update(element, item);
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });
  for (const gone of left.values()) gone.remove();
}

/**
 * @param {HTMLTemplateElement} template
 * @returns {HTMLElement} a copy of its one element
 */
export function copy(template) {
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}
