// The package inside a guest: the fields of the process that evaluates the condition.
import * as host from "bureaucrat:condition/fields@1.0.0";
import { use } from "./api.js";

use(host);
export * from "./api.js";
