/** A reporter for node:test: a line of JSON for each test that ended, with the names of what it stands in. */
export default async function* report(events) {
  const names = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') names[data.nesting] = data.name;
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details.type === 'suite') continue;
    const { error } = data.details;
    const result = {
      name: [...names.slice(0, data.nesting), data.name].join(': '),
      ...(error === undefined ? {} : { error: String(error.cause?.stack ?? error.cause ?? error.message) }),
      ...(data.skip === undefined ? {} : { skipped: String(data.skip) }),
    };
    yield `${JSON.stringify(result)}\n`;
  }
}
