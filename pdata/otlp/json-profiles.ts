import type { OtlpField } from './json-messages.ts';

const ATTRIBUTE_INDICES = { name: 'attributeIndices', kind: 'int32', repeated: true } as const;
const SCHEMA_URL = { number: 3, name: 'schemaUrl', kind: 'string' } as const;

/** The messages of profiles (v1development, as of Collector 0.155). What is shared with other signals is not repeated here. */
export const PROFILES_MESSAGES: Readonly<Record<string, readonly OtlpField[]>> = {
  ExportProfilesServiceRequest: [
    { number: 1, name: 'resourceProfiles', message: 'ResourceProfiles', repeated: true },
    { number: 2, name: 'dictionary', message: 'ProfilesDictionary', always: true },
  ],
  ResourceProfiles: [
    { number: 1, name: 'resource', message: 'Resource', always: true },
    { number: 2, name: 'scopeProfiles', message: 'ScopeProfiles', repeated: true },
    SCHEMA_URL,
  ],
  ScopeProfiles: [
    { number: 1, name: 'scope', message: 'InstrumentationScope', always: true },
    { number: 2, name: 'profiles', message: 'Profile', repeated: true },
    SCHEMA_URL,
  ],
  Profile: [
    { number: 1, name: 'sampleType', message: 'ValueType', always: true },
    { number: 2, name: 'samples', message: 'Sample', repeated: true },
    { number: 3, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 4, name: 'durationNano', kind: 'uint64' },
    { number: 5, name: 'periodType', message: 'ValueType', always: true },
    { number: 6, name: 'period', kind: 'int64' },
    { number: 7, name: 'profileId', kind: 'id', length: 16 },
    { number: 8, name: 'droppedAttributesCount', kind: 'uint32' },
    { number: 9, name: 'originalPayloadFormat', kind: 'string' },
    { number: 10, name: 'originalPayload', kind: 'bytes' },
    { number: 11, ...ATTRIBUTE_INDICES },
  ],
  ValueType: [
    { number: 1, name: 'typeStrindex', kind: 'int32' },
    { number: 2, name: 'unitStrindex', kind: 'int32' },
  ],
  Sample: [
    { number: 1, name: 'stackIndex', kind: 'int32' },
    { number: 2, ...ATTRIBUTE_INDICES },
    { number: 3, name: 'linkIndex', kind: 'int32' },
    { number: 4, name: 'values', kind: 'int64', repeated: true },
    { number: 5, name: 'timestampsUnixNano', kind: 'fixed64', repeated: true },
  ],
  ProfilesDictionary: [
    { number: 1, name: 'mappingTable', message: 'Mapping', repeated: true },
    { number: 2, name: 'locationTable', message: 'Location', repeated: true },
    { number: 3, name: 'functionTable', message: 'Function', repeated: true },
    { number: 4, name: 'linkTable', message: 'Link', repeated: true },
    { number: 5, name: 'stringTable', kind: 'string', repeated: true },
    { number: 6, name: 'attributeTable', message: 'KeyValueAndUnit', repeated: true },
    { number: 7, name: 'stackTable', message: 'Stack', repeated: true },
  ],
  Mapping: [
    { number: 1, name: 'memoryStart', kind: 'uint64' },
    { number: 2, name: 'memoryLimit', kind: 'uint64' },
    { number: 3, name: 'fileOffset', kind: 'uint64' },
    { number: 4, name: 'filenameStrindex', kind: 'int32' },
    { number: 5, ...ATTRIBUTE_INDICES },
  ],
  Location: [
    { number: 1, name: 'mappingIndex', kind: 'int32' },
    { number: 2, name: 'address', kind: 'uint64' },
    { number: 3, name: 'lines', message: 'Line', repeated: true },
    { number: 4, ...ATTRIBUTE_INDICES },
  ],
  Line: [
    { number: 1, name: 'functionIndex', kind: 'int32' },
    { number: 2, name: 'line', kind: 'int64' },
    { number: 3, name: 'column', kind: 'int64' },
  ],
  Function: [
    { number: 1, name: 'nameStrindex', kind: 'int32' },
    { number: 2, name: 'systemNameStrindex', kind: 'int32' },
    { number: 3, name: 'filenameStrindex', kind: 'int32' },
    { number: 4, name: 'startLine', kind: 'int64' },
  ],
  Link: [
    { number: 1, name: 'traceId', kind: 'id', length: 16 },
    { number: 2, name: 'spanId', kind: 'id', length: 8 },
  ],
  KeyValueAndUnit: [
    { number: 1, name: 'keyStrindex', kind: 'int32' },
    { number: 2, name: 'value', message: 'AnyValue', always: true },
    { number: 3, name: 'unitStrindex', kind: 'int32' },
  ],
  Stack: [{ number: 1, name: 'locationIndices', kind: 'int32', repeated: true }],
};
