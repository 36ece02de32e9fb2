// The package in native tests: the fields that a test has set.
import * as mock from "./mock.js";
import { use } from "./api.js";

use(mock, (bytes) => console.error(new TextDecoder().decode(bytes)));
export * from "./api.js";
export { setFields } from "./mock.js";
