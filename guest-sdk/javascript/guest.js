// The package inside a guest: the fields of the process that evaluates the condition.
import * as host from "bureaucrat:condition/fields@1.1.0";
import * as logger from "bureaucrat:condition/log@1.1.0";
import { use } from "./api.js";

use(host, logger.write);
export * from "./api.js";
