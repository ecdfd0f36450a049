using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace OrleansLLM.Cli.Arguments;

/// <summary>Options that take a decimal number, written with a point in every locale.</summary>
internal static class Decimals
{
    private const string AnyNumber = "a number such as 0.5";

    public static Option<double?> Option(string name, string helpName, string description) =>
        Option(name, helpName, description, AnyNumber, double.IsFinite);

    /// <param name="takes">What the option takes, for the sentence that refuses anything else.</param>
    /// <param name="isAllowed">Whether it takes a number; NaN and infinities are asked for, too.</param>
    public static Option<double?> Option(string name, string helpName, string description, string takes, Func<double, bool> isAllowed) => new(name)
    {
        HelpName = helpName,
        Description = description,
        CustomParser = result => Parse(result, name, takes, isAllowed),
    };

    private static double? Parse(ArgumentResult result, string name, string takes, Func<double, bool> isAllowed)
    {
        var text = result.Tokens[0].Value;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && isAllowed(number))
        {
            return number;
        }

        result.AddError($"{name} takes {takes}, not '{text}'.");
        return null;
    }
}
