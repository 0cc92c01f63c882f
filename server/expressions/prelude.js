// What stands in a realm before an expression does. Evaluated once in each, in strict mode; its value is the object below.
// What expressions could use to tell one evaluation from another is fixed: the time, the zone (UTC) and chance.
(function (now, seed, most, big) {
  const { parse, stringify } = JSON;
  const RealDate = Date;
  const construct = Reflect.construct;
  const define = Object.defineProperty;
  const wellFormed = String.prototype.toWellFormed;
  const toIso = RealDate.prototype.toISOString;
  const getTime = RealDate.prototype.getTime;
  const written = new WeakMap();
  const remember = written.set.bind(written);
  const recall = written.get.bind(written);

  // A date and time with its zone, as JSON has it.
  const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
  const zoned = /(Z|GMT|UTC|[+-]\d\d:?\d\d)\s*(\(.*\))?$/;

  function parseDate(text) {
    const said = String(text).trim();
    const whole = /^[+-]?\d{4,6}(-\d\d(-\d\d)?)?$/.test(said);
    if (whole || zoned.test(said)) return RealDate.parse(said);
    const iso = /^\d{4}-\d\d-\d\dT/.test(said);
    return RealDate.parse(said + (iso ? "Z" : " UTC"));
  }

  function UtcDate(...parts) {
    if (new.target === undefined) return new UtcDate().toString();
    if (parts.length === 0) return construct(RealDate, [now], new.target);
    if (parts.length > 1) return construct(RealDate, [RealDate.UTC(...parts)], new.target);
    const [one] = parts;
    const time = typeof one === "string" ? parseDate(one) : one;
    return construct(RealDate, [time], new.target);
  }
  const dates = RealDate.prototype;
  const hidden = (target, name, value) => define(target, name, { value, writable: true, configurable: true });
  hidden(UtcDate, "now", () => now);
  hidden(UtcDate, "parse", parseDate);
  hidden(UtcDate, "UTC", RealDate.UTC);
  define(UtcDate, "prototype", { value: dates, writable: false });
  hidden(dates, "constructor", UtcDate);
  for (const part of ["FullYear", "Month", "Date", "Hours", "Minutes", "Seconds", "Milliseconds"]) {
    hidden(dates, "get" + part, dates["getUTC" + part]);
    hidden(dates, "set" + part, dates["setUTC" + part]);
  }
  hidden(dates, "getDay", dates.getUTCDay);
  hidden(dates, "getTimezoneOffset", () => 0);

  // A date that came as text and was not changed is that text again.
  function textOf(date) {
    const time = getTime.call(date);
    const [text, then] = recall(date) ?? [];
    if (text !== undefined && then === time) return text;
    return time === time ? toIso.call(date) : "Invalid Date";
  }
  hidden(dates, "toString", function () { return textOf(this); });
  hidden(dates, "toJSON", function () { return getTime.call(this) === getTime.call(this) ? textOf(this) : null; });
  for (const name of ["toLocaleString", "toUTCString"]) hidden(dates, name, function () { return textOf(this); });
  for (const name of ["toDateString", "toLocaleDateString"]) hidden(dates, name, function () { return toIso.call(this).slice(0, 10); });
  for (const name of ["toTimeString", "toLocaleTimeString"]) hidden(dates, name, function () { return toIso.call(this).slice(11, 19); });
  hidden(globalThis, "Date", UtcDate);

  // Mulberry32: the same seed, the same numbers.
  let state = seed | 0;
  hidden(Math, "random", function random() {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  });
  for (const name of ["Atomics", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry", "performance", "queueMicrotask"]) {
    delete globalThis[name];
  }

  // Integers that a number cannot hold come as text behind a mark that no script can know, and go back in the same way.
  const unmark = (value) => BigInt(value.slice(big.length));
  const mark = (_, value) => (typeof value === "bigint" ? big + value : value);

  function revive(_, value) {
    if (big !== "" && typeof value === "string" && value.startsWith(big)) return unmark(value);
    if (typeof value !== "string" || value.length < 17 || value.length > 35 || !moment.test(value)) return value;
    const date = construct(RealDate, [value]);
    const time = getTime.call(date);
    if (time !== time) return value;
    remember(date, [value, time]);
    return date;
  }

  // A list that has more to say than its items.
  function listed(value) {
    const items = value?.["\u0000list"];
    if (!Array.isArray(items)) return value;
    hidden(items, "results", items);
    hidden(items, "errors", value.errors);
    return items;
  }

  // Members are read when they are first asked for.
  function root(members) {
    const read = {};
    for (const name of Object.keys(members)) {
      const settle = (value) => define(read, name, { value, writable: true, enumerable: true, configurable: true });
      define(read, name, {
        enumerable: true,
        configurable: true,
        get() {
          const value = listed(parse(members[name], revive));
          settle(value);
          return value;
        },
        set: settle,
      });
    }
    return read;
  }

  let made = 0;
  function bounded(text) {
    made += text === undefined ? 0 : text.length;
    if (made > most) throw new RangeError(`the values are longer than ${most} characters`);
    return text;
  }
  function asJson(value) {
    if (value !== null && typeof value === "object" && typeof value.then === "function") {
      throw new TypeError("an expression cannot wait for a promise");
    }
    if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`the value is ${value}, which is not a number`);
    return bounded(big === "" ? stringify(value) : stringify(value, mark));
  }
  function asText(value) {
    if (value === undefined || value === null) return "";
    if (typeof value !== "object" && typeof value !== "function") return bounded(wellFormed.call(String(value)));
    if (value instanceof RealDate) return bounded(textOf(value));
    return asJson(value) ?? "";
  }

  // Where it was thrown: the first place that is the script's own. Its first line is the second of what is evaluated.
  function line(error) {
    const [, found] = /\(eval_script:(\d+)/.exec(String(error.stack)) ?? [];
    return found > 1 ? ` (line ${found - 1})` : "";
  }
  function described(error) {
    if (error instanceof Error) return `${error.name}: ${error.message}${line(error)}`;
    return `it threw ${typeof error === "string" ? error : stringify(error)}`;
  }

  // The value as JSON, or as text where it stands in one; undefined where it is nothing.
  function run(code, roots, inText) {
    try {
      const value = code(...roots);
      return ["made", inText ? asText(value) : asJson(value)];
    } catch (error) {
      if (error instanceof RangeError && error.message === "Maximum call stack size exceeded") return ["deep", ""];
      if (error instanceof InternalError && error.message === "out of memory") return ["memory", ""];
      if (error === null) return ["null", "it threw null"];
      return ["failed", wellFormed.call(String(described(error)).slice(0, 500))];
    }
  }
  return { root, run };
})
