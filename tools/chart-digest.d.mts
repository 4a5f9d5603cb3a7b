export declare function chartDigest(folder: string, example: string): string;
